"""The fused step is Keras's Adam."""

import keras
import numpy as np
import pytest

tensorflow = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the step is TensorFlow's")


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_follows_keras_over_many_steps(clip_norm):
    from vaelab.training.fused_adam import FusedAdam

    rng, ends = np.random.default_rng(0), []
    gradients = [[rng.standard_normal((7, 3)), rng.standard_normal(3)] for _ in range(30)]
    for kind in (keras.optimizers.Adam, FusedAdam):
        weights = [keras.Variable(np.ones((7, 3), "float32")), keras.Variable(np.zeros(3, "float32"))]
        optimizer = kind(0.05, beta_1=0.8, epsilon=1e-4, global_clipnorm=clip_norm)
        for step in gradients:
            optimizer.apply([tensorflow.constant(g, "float32") for g in step], weights)
        ends.append([keras.ops.convert_to_numpy(v) for v in (*weights, *optimizer.variables)])
    assert np.abs(ends[0][0] - 1).max() > 0.05  # it has moved
    for keras_value, ours in zip(*ends):
        np.testing.assert_allclose(ours, keras_value, rtol=2e-5, atol=1e-6)
