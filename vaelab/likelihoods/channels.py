"""Channels of a decoder's output, as symbolic tensors."""

from keras import layers


def first_channels(params, n: int):
    """params[..., :n] of a symbolic (B, H, W, C), of built-in layers: slicing by index would not reload from `.h5`."""
    height, width, channels = params.shape[1:]
    volume = layers.Reshape((height, width, channels, 1), name="volume")(params)
    volume = layers.Cropping3D(((0, 0), (0, 0), (0, channels - n)), name="first_channels")(volume)
    return layers.Reshape((height, width, n), name="mean_channels")(volume)
