"""Batches of stored images in an order that is a function of (seed, epoch) alone."""

import keras
import numpy as np

from vaelab.compute import seeds


class Batches(keras.utils.PyDataset):
    """Shuffled batches of one split; item i of epoch e is the same in every process and after every restart.

    Training walks through an endless sequence of passes, each a permutation drawn from (seed, pass). An epoch is
    `steps_per_epoch` consecutive batches of it (all batches of one pass by default). An item holds the batches of one
    call of the training function, one behind the other.

    Args:
        split: a `Split`; views may be memory maps, rows are read item by item.
        batch_size: B; the last batch of a pass may be smaller.
        seed: the run's seed.
        steps_per_epoch: batches per epoch, None for one pass.
        steps_per_call: batches in an item; 1 where `steps_per_epoch` is given, so that a pass ends with an item.
        last_step: no item goes beyond this step of the training.
        rows: whether the numbers of the images (B,) come behind the views.
    """

    def __init__(self, split, *, batch_size, seed, steps_per_epoch, steps_per_call, last_step, rows=False):
        super().__init__(workers=1)
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.batches_per_pass = -(-len(split) // batch_size)
        self.steps_per_epoch = steps_per_epoch or self.batches_per_pass
        self.steps_per_call, self.last_step, self.rows = steps_per_call, last_step, rows
        self.epoch = 0
        self._order = (-1, np.empty(0, np.int64))

    def __len__(self):
        return -(-self.steps_per_epoch // self.steps_per_call)

    def steps_before(self, index) -> int:
        """Steps of this epoch before item `index`, so that `steps_before(index + 1)` are done after it."""
        return min(
            index * self.steps_per_call, self.steps_per_epoch, self.last_step - self.epoch * self.steps_per_epoch
        )

    def __getitem__(self, index):
        step, count = self.steps_before(index), self.steps_before(index + 1) - self.steps_before(index)
        n_pass, first = divmod(self.epoch * self.steps_per_epoch + step, self.batches_per_pass)
        order = self._permutation(n_pass)
        starts = (self.batch_size * batch for batch in range(first, first + max(count, 1)))
        rows = np.concatenate([np.sort(order[start : start + self.batch_size]) for start in starts])
        views = tuple(np.ascontiguousarray(view[rows]) for view in self.split.x)
        return ((*views, rows.astype(np.int32)) if self.rows else views,)

    def _permutation(self, n_pass):
        kept, order = self._order
        if kept != n_pass:
            order = seeds.generator(self.seed, "order", n_pass).permutation(len(self.split))
            self._order = (n_pass, order)
        return order


class InOrder(keras.utils.PyDataset):
    """Batches of one split in file order, for evaluation."""

    def __init__(self, split, *, batch_size):
        super().__init__(workers=1)
        self.split, self.batch_size = split, batch_size

    def __len__(self):
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return (tuple(np.ascontiguousarray(view[rows]) for view in self.split.x),)
