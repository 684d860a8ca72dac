"""fashion_2d: one strided convolution among stride-1 ones, mirrored by transposed convolutions in the decoder.

Encoder: L x Conv2D -> Flatten -> Dense(dense_dim, linear).
Decoder: Dense(linear) -> (h, w, F) -> the same layers as Conv2DTranspose in reverse order -> Conv2DTranspose(5x5).
"""

from vaelab.config.types import Activation, PositiveInt
from vaelab.models import shapes
from vaelab.models.noise_injection import with_noise


class Fashion2D:
    """Settings of the architecture; `encoder` and `decoder` build complete functional models."""

    def __init__(
        self,
        *,
        filters: list[PositiveInt],
        kernel_sizes: list[PositiveInt],
        strides: list[PositiveInt],
        dense_dim: PositiveInt,
        activation: Activation,
    ):
        self.blocks = shapes.aligned("model", filters=filters, kernel_sizes=kernel_sizes, strides=strides)
        self.dense_dim, self.activation = dense_dim, activation

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, dense_dim); noise after the first convolution."""
        import keras
        from keras import layers

        shapes.downsampled(data_shape, [stride for _, _, stride in self.blocks])
        inputs = x = image = keras.Input(data_shape, name="image")
        for n, (width, kernel_size, stride) in enumerate(self.blocks, start=1):
            x = layers.Conv2D(
                width, kernel_size, strides=stride, padding="same", activation=self.activation, name=f"convolution_{n}"
            )(x)
            if n == 1:
                inputs, x = with_noise(image, x, noise_dim)
        x = layers.Flatten(name="flatten")(x)
        return keras.Model(inputs, layers.Dense(self.dense_dim, name="features")(x), name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        import keras
        from keras import layers

        height, width = shapes.downsampled(data_shape, [stride for _, _, stride in self.blocks])
        filters = self.blocks[-1][0]
        z = keras.Input((latent_dim,), name="z")
        x = layers.Dense(height * width * filters, name="expand")(z)
        x = layers.Reshape((height, width, filters), name="to_image")(x)
        for n, (width_n, kernel_size, stride) in enumerate(self.blocks[::-1], start=1):
            x = layers.Conv2DTranspose(
                width_n, kernel_size, strides=stride, padding="same", activation=self.activation, name=f"up_{n}"
            )(x)
        # float32 whatever the training precision: these are the likelihood's parameters
        x = layers.Conv2DTranspose(
            likelihood_channels, self.blocks[0][1], padding="same", dtype="float32", name="parameters"
        )(x)
        return keras.Model(z, shapes.crop_to(x, data_shape), name="decoder")
