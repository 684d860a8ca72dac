"""Where jax computes: images that lie on the device, and calls of many steps, an epoch if that is soon over.

A call costs Python as much as a small net's step. How many steps it has is no setting, for nothing depends on it
(`compiled.steps_in_turn`): as many as end within `SECONDS`, which is how long Ctrl-C, a loss that is no number and the
progress bar may have to wait. An item of the data is what one call works on.
"""

import time

import numpy as np
from keras import ops

from vaelab.compute.backend import device_name
from vaelab.compute.compiled import Steps
from vaelab.training.batches import Batches, InOrder
from vaelab.training.variables import arrays_of, assign

SECONDS = 0.5  # of a call, about
RESIDENT = 2**30  # bytes of a split's images up to which they are kept on the device
BROUGHT = 2**26  # bytes of images that a call brings along where they are more


class InCalls(Batches):
    """The batches of an epoch, `steps_per_call` to an item: (`Steps`, None, None), Keras's x, y and weights.

    The batch that ends a pass is a call by itself where it is smaller, for another shape is another program. Each step
    is one where such a batch has no fixed place in an epoch (`trainer.steps_per_epoch`).
    """

    def __init__(self, split, **settings):
        super().__init__(split, **settings)
        smaller, ends_epochs = len(split) % self.batch_size > 0, self.steps_per_epoch == self.batches_per_pass
        self.full = self.steps_per_epoch - (smaller and ends_epochs)
        self.most = max(self.full, 1) if ends_epochs or not smaller else 1
        self.views = None
        size = sum(view.nbytes for view in self.inputs)
        if size <= RESIDENT:
            self.views = tuple(ops.convert_to_tensor(np.asarray(view)) for view in self.inputs)
        else:
            self.most = min(self.most, max(BROUGHT * len(split) // (size * self.batch_size), 1))

    def __len__(self):
        return -(-self.full // self.steps_per_call) + self.steps_per_epoch - self.full

    def steps_before(self, index):
        calls = min(index, -(-self.full // self.steps_per_call))
        return super().steps_before(min(calls * self.steps_per_call, self.full) + index - calls)

    def __getitem__(self, index):
        return self.steps(range(self.steps_before(index), self.steps_before(index + 1))), None, None

    def steps(self, wanted) -> Steps:
        """A call's input for some steps of the epoch; all have the same shapes but the batch that is smaller."""
        batches = [self.rows(step) for step in wanted]
        alone = len(batches) == 1 and len(batches[0]) < self.batch_size
        numbers = np.zeros((1, len(batches[0])) if alone else (self.most, self.batch_size), np.int32)
        numbers[: len(batches)] = np.reshape(batches, (-1, numbers.shape[1]))
        rows, views = numbers, self.views
        if views is None:
            read = numbers[: len(batches)].ravel()
            rows = np.arange(numbers.size, dtype=np.int32).reshape(numbers.shape)
            views = tuple(np.zeros((numbers.size, *view.shape[1:]), view.dtype) for view in self.inputs)
            for brought, view in zip(views, self.inputs):
                brought[: len(read)] = view[read]
        return Steps(views, rows, numbers if self.numbered else None, np.int32(len(batches)))


class InOrderInCalls(InCalls, InOrder):
    """The same of a split in file order, for evaluation."""


def steps_per_call(vae, batches: Batches, held: list[dict]) -> int:
    """As many steps as a call takes in `SECONDS`, told from a few, the first of which have compiled the program.

    Args:
        vae: compiled.
        held: {path: variable} of all that a step changes, which is put back.
    """
    if not isinstance(batches, InCalls) or batches.most == 1:
        return 1
    # on a CPU without what other jobs take, lest a busy machine makes calls short and Python's share large
    clock = time.process_time if device_name() == "cpu" else time.perf_counter
    kept, steps, seconds = [arrays_of(variables) for variables in held], 0, 0.0
    while not steps or (steps < batches.most and seconds < SECONDS / 16):  # so few that Python's share would count
        steps = min(4 * steps, batches.most) if steps else 1
        if steps == 1:
            vae.train_on_batch(batches.steps(range(0)))  # compiles
        began = clock()
        vae.train_on_batch(batches.steps(range(steps)))
        seconds = max(clock() - began, 1e-6)
    for variables, arrays in zip(held, kept):
        assign(variables, arrays)
    return min(max(int(steps * SECONDS / seconds), 1), batches.most)
