"""Order of the data."""

from itertools import chain

import numpy as np

from vaelab.datasets.base import Split
from vaelab.training.batches import Batches

N, B = 23, 5  # five batches a pass, the last of three


def batches(steps_per_epoch=None, last_step=1000):
    split = Split((np.arange(N, dtype=np.float32).reshape(N, 1, 1, 1),))
    return Batches(split, batch_size=B, seed=3, steps_per_epoch=steps_per_epoch, last_step=last_step)


def rows(items) -> list:
    return [view.ravel().tolist() for ((view,),) in items]


def test_a_pass_has_every_image_once():
    made = batches()
    for epoch in range(3):
        made.epoch = epoch
        found = rows(made[i] for i in range(len(made)))
        assert [len(r) for r in found] == [5, 5, 5, 5, 3]
        assert sorted(chain(*found)) == [*range(N)]


def test_every_pass_has_an_order_of_its_own_and_always_the_same():
    first, again = batches(), batches()
    orders = []
    for epoch in (0, 1):
        first.epoch = again.epoch = epoch
        assert rows([first[0]]) == rows([again[0]])
        orders += rows([first[0]])
    assert orders[0] != orders[1]


def test_short_epochs_walk_through_the_passes():
    """Epochs of three batches: the second one ends the first pass and begins the next."""
    whole, short = batches(), batches(steps_per_epoch=3)
    walked = []
    for epoch in range(4):
        short.epoch = epoch
        walked += rows(short[i] for i in range(3))
    expected = []
    for epoch in range(3):
        whole.epoch = epoch
        expected += rows(whole[i] for i in range(5))
    assert walked == expected[:12]


def test_no_item_goes_beyond_the_last_step():
    """Seven steps: in the second epoch only two are left; what would come behind is never asked to train."""
    made = batches(last_step=7)
    made.epoch = 1
    assert [made.steps_before(i) for i in range(len(made) + 1)] == [0, 1, 2, 2, 2, 2]
