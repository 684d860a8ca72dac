"""Batches of stored images in an order that is a function of (seed, epoch) alone."""

import keras
import numpy as np

from vaelab.compute import seeds


class Batches(keras.utils.PyDataset):
    """Shuffled batches of one split; item i of epoch e is the same in every process and after every restart.

    Training walks through an endless sequence of passes, each a permutation drawn from (seed, pass). An epoch is
    `steps_per_epoch` consecutive batches of it (all batches of one pass by default).

    Args:
        split: a `Split`; views may be memory maps, rows are read item by item.
        batch_size: B; the last batch of a pass may be smaller.
        seed: the run's seed.
        steps_per_epoch: batches per epoch, None for one pass.
        last_step: no item goes beyond this step of the training.
        numbered: whether the numbers of the images (B,) come behind the views.

    Attributes:
        most, steps_per_call: batches that an item can have, and has, where that is more than one (`whole_epochs`).
    """

    most = steps_per_call = 1

    def __init__(self, split, *, batch_size, seed, steps_per_epoch, last_step, numbered=False):
        super().__init__(workers=1)
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.batches_per_pass = -(-len(split) // batch_size)
        self.steps_per_epoch = steps_per_epoch or self.batches_per_pass
        self.last_step, self.numbered = last_step, numbered
        self.inputs = split.training_inputs
        self.epoch = 0
        self._order = (-1, np.empty(0, np.int64))

    def __len__(self):
        return self.steps_per_epoch

    def steps_before(self, index) -> int:
        """Steps of this epoch before item `index`, so that `steps_before(index + 1)` are done after it."""
        return min(index, self.last_step - self.epoch * self.steps_per_epoch)

    def __getitem__(self, index):
        rows = self.rows(index)
        views = tuple(np.ascontiguousarray(view[rows]) for view in self.inputs)
        return ((*views, rows.astype(np.int32)) if self.numbered else views,)

    def rows(self, step):
        """Numbers of the images of this epoch's batch `step`, ascending."""
        n_pass, batch = divmod(self.epoch * self.steps_per_epoch + step, self.batches_per_pass)
        kept, order = self._order
        if kept != n_pass:
            order = seeds.generator(self.seed, "order", n_pass).permutation(len(self.split))
            self._order = (n_pass, order)
        return np.sort(order[batch * self.batch_size : (batch + 1) * self.batch_size])


class InOrder(Batches):
    """Batches of one split in file order, for evaluation."""

    def __init__(self, split, *, batch_size):
        passes_are_alike = {"seed": 0, "steps_per_epoch": None, "last_step": len(split)}
        super().__init__(split, batch_size=batch_size, **passes_are_alike)

    def rows(self, step):
        return np.arange(step * self.batch_size, min((step + 1) * self.batch_size, len(self.split)))
