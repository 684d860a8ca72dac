"""The matrix product and the convolution are the same function, and the same layer once saved."""

import keras
import numpy as np
import pytest
from keras import layers

from vaelab.models.few_channels import few_channels


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size,channels", [(3, 1), (2, 3), ((5, 3), 2)])
def test_equals_the_direct_convolution(padding, kernel_size, channels):
    x = np.random.default_rng(0).standard_normal((2, 9, 7, 40)).astype(np.float32)
    direct = layers.Conv2D(channels, kernel_size, padding=padding)
    quick = few_channels(layers.Conv2D(channels, kernel_size, padding=padding))
    expected = keras.ops.convert_to_numpy(direct(x))
    quick.build(x.shape)
    quick.set_weights([w + 0.0 for w in direct.get_weights()])
    calls = []
    quick.convolution_op = (lambda op: lambda *a: calls.append(1) or op(*a))(quick.convolution_op)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(quick(x)), expected, atol=2e-5)
    assert calls and quick.compute_output_shape(x.shape) == expected.shape


def test_more_maps_than_channels_are_left_to_the_direct_one(monkeypatch):
    """3x3x2 maps of an image with 4 channels would be more work, not less."""
    used = []
    monkeypatch.setattr(layers.Conv2D, "convolution_op", lambda self, x, kernel: used.append(1) or x[..., :2])
    layer = few_channels(layers.Conv2D(2, 3, padding="same"))
    layer(np.ones((1, 5, 5, 4), np.float32))
    assert used


def test_is_saved_as_a_plain_layer(tmp_path):
    image = keras.Input((6, 6, 16))
    model = keras.Model(image, few_channels(layers.Conv2D(1, 3, padding="same", name="last"))(image))
    model.save(tmp_path / "model.h5")
    again = keras.models.load_model(tmp_path / "model.h5")
    assert type(again.get_layer("last")) is layers.Conv2D and "convolution_op" not in vars(again.get_layer("last"))
    x = np.random.default_rng(1).standard_normal((3, 6, 6, 16)).astype(np.float32)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=2e-5)
