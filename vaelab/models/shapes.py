"""Sizes shared by the convolutional architectures."""

from vaelab.errors import ConfigError
from vaelab.models.few_channels import few_channels


def per_layer(value: int | list[int], layers: int, name: str) -> list[int]:
    """One number for all layers, or one each."""
    values = [value] * layers if isinstance(value, int) else list(value)
    if len(values) != layers:
        raise ConfigError(f"model.{name}: expected one number or a list of model.layers={layers}, got {values}.")
    return values


def aligned(group: str, **lists) -> list[tuple]:
    """Lists of per-layer settings as one tuple for each layer.

    Raises:
        ConfigError: their lengths differ, or there is none.
    """
    lengths = {len(values) for values in lists.values()}
    if len(lengths) != 1 or lengths == {0}:
        told = ", ".join(f"{group}.{name} has {len(values)}" for name, values in lists.items())
        raise ConfigError(f"Expected one number for each layer in all of these: {told}.")
    return list(zip(*lists.values()))


def downsampled(data_shape: tuple[int, int, int], strides: list[int]) -> tuple[int, int]:
    """(height, width) after "same"-padded downsampling by each stride, rounding up.

    Raises:
        ConfigError: an axis is already smaller than a stride.
    """
    height, width = data_shape[:2]
    for n, stride in enumerate(strides, start=1):
        if min(height, width) < stride:
            times = sum(s > 1 for s in strides)
            raise ConfigError(
                f"Images of {data_shape[0]}x{data_shape[1]} cannot be downsampled {times} times by {stride}: "
                f"{height}x{width} are left before layer {n}. Use fewer strided layers or dataset.pad_to."
            )
        height, width = -(-height // stride), -(-width // stride)
    return height, width


def crop_to(x, data_shape: tuple[int, int, int]):
    """Crops (B, h, w, C) evenly to the data's height and width; odd sizes lose the extra row at the end."""
    from keras import layers

    extra = [x.shape[1] - data_shape[0], x.shape[2] - data_shape[1]]
    if not any(extra):
        return x
    return layers.Cropping2D([(e // 2, e - e // 2) for e in extra], dtype=x.dtype)(x)


def reaches(start, data_shape, up_strides) -> None:
    """ConfigError where the way up from `start` (h, w) ends below the data's size."""
    factor = 1
    for stride in up_strides:
        factor *= stride
    if start[0] * factor < data_shape[0] or start[1] * factor < data_shape[1]:
        raise ConfigError(
            f"model.up_strides enlarge {start[0]}x{start[1]} to {start[0] * factor}x{start[1] * factor}, "
            f"less than the data's {data_shape[0]}x{data_shape[1]}. Use as much stride up as down."
        )


def last_convolution(x, data_shape, channels, kernel_size, activation=None, name="parameters"):
    """The convolution that makes the image: unpadded where x is large enough, then cropped to the data's size."""
    from keras import layers

    large = all(n - kernel_size + 1 >= wanted for n, wanted in zip(x.shape[1:3], data_shape))
    # float32 whatever the training precision: these may be the likelihood's parameters
    convolution = layers.Conv2D(
        channels, kernel_size, padding="valid" if large else "same", activation=activation, dtype="float32", name=name
    )
    x = few_channels(convolution)(x)
    return crop_to(x, data_shape)


def upsampling_decoder(data_shape, latent_dim, likelihood_channels, *, filters, strides, kernel_size, activation):
    """z -> Dense -> (h, w, F) -> transposed convolutions -> 3x3 convolution to the likelihood's parameters.

    The smallest (h, w) comes from the data's shape; what strides overshoot is cropped.
    """
    import keras
    from keras import layers

    height, width = downsampled(data_shape, strides)
    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(height * width * filters[-1], activation=activation, name="expand")(z)
    x = layers.Reshape((height, width, filters[-1]), name="to_image")(x)
    for n, (width_n, stride) in enumerate(zip(filters[::-1], strides[::-1]), start=1):
        x = layers.Conv2DTranspose(
            width_n, kernel_size, strides=stride, padding="same", activation=activation, name=f"up_{n}"
        )(x)
    # float32 whatever the training precision: these are the likelihood's parameters
    x = few_channels(layers.Conv2D(likelihood_channels, 3, padding="same", dtype="float32", name="parameters"))(x)
    return keras.Model(z, crop_to(x, data_shape), name="decoder")
