"""What a checkpoint holds is a copy: training goes on and must not reach into it."""

import keras
import numpy as np

from vaelab.training.checkpoint import arrays_of, assign


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
