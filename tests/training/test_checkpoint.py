"""What a checkpoint holds is a copy: training goes on and must not reach into it."""

import keras
import numpy as np

from vaelab.training.checkpoint import CheckpointFolder, TrainingState, arrays_of, assign


def test_arrays_do_not_follow_their_variables():
    weights = keras.Variable(np.ones((3, 4), "float32"))
    steps = keras.Variable(np.zeros((), "int32"), dtype="int32", trainable=False)
    kept = arrays_of([weights, steps])
    weights.assign_add(np.full((3, 4), 7.0, "float32"))
    steps.assign_add(1)
    np.testing.assert_array_equal(kept[0], np.ones((3, 4)))
    assert kept[1] == 0
    assign([weights, steps], kept)
    weights.assign(weights + 1)
    np.testing.assert_array_equal(kept[0], np.ones((3, 4)))


def test_the_best_weights_of_a_cut_short_epoch_are_not_those_of_the_finished_one(tmp_path):
    folder = CheckpointFolder(tmp_path)
    array = lambda v: [np.full(3, float(v))]  # noqa: E731
    folder.save(TrainingState(epoch=3, step=9, best_epoch=3), array(3), [], array(3))
    folder.save(TrainingState(epoch=4, step=10, best_epoch=4, cut_short=True), array(40), [], array(40))
    assert folder.load(steps=15)[0].epoch == 3
    folder.save(TrainingState(epoch=5, step=15, best_epoch=4), array(5), [], array(4))  # no checkpoint of epoch 4
    assert folder.load()[3][0][0] == 4.0
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000005"]


def test_an_epoch_that_was_cut_short_is_replaced_when_finished(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9), [np.zeros(1)], [], None)
    folder.save(TrainingState(epoch=4, step=10, cut_short=True), [np.ones(1)], [], None)
    folder.save(TrainingState(epoch=4, step=12), [np.full(1, 2.0)], [], None)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000004"] and folder.load()[1][0] == 2.0
