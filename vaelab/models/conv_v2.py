"""conv_v2: convolutions of stride 1, each followed by pooling; the decoder is conv_v1's.

Encoder: L x { Conv2D(F, k, same) -> MaxPool | AveragePool | Conv2D(F, k, stride s) } -> Flatten -> Dense(dense_dim).
Decoder: Dense -> (h, w, F) -> L x Conv2DTranspose(F, k, stride s, same) -> Conv2D(3x3).
"""

from typing import Literal

from vaelab.config.types import Activation, PositiveInt
from vaelab.models import shapes
from vaelab.models.noise_injection import with_noise


class ConvV2:
    """Settings of the architecture; `encoder` and `decoder` build complete functional models."""

    def __init__(
        self,
        *,
        filters: PositiveInt | list[PositiveInt],
        dense_dim: PositiveInt,
        kernel_size: PositiveInt,
        layers: PositiveInt,
        strides: PositiveInt | list[PositiveInt],
        pool: Literal["max", "average", "none"],
        activation: Activation,
    ):
        self.filters = shapes.per_layer(filters, layers, "filters")
        self.strides = shapes.per_layer(strides, layers, "strides")
        self.dense_dim, self.kernel_size = dense_dim, kernel_size
        self.pool, self.activation = pool, activation

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, dense_dim); noise after the first convolution."""
        import keras
        from keras import layers

        shapes.downsampled(data_shape, self.strides)
        inputs = x = image = keras.Input(data_shape, name="image")
        for n, (width, stride) in enumerate(zip(self.filters, self.strides), start=1):
            x = layers.Conv2D(
                width, self.kernel_size, padding="same", activation=self.activation, name=f"convolution_{n}"
            )(x)
            if n == 1:
                inputs, x = with_noise(image, x, noise_dim)
            x = self._smaller(x, width, stride, n)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(self.dense_dim, activation=self.activation, name="features")(x)
        return keras.Model(inputs, x, name="encoder")

    def _smaller(self, x, width, stride, n):
        from keras import layers

        if self.pool == "max":
            return layers.MaxPooling2D(stride, padding="same", name=f"pool_{n}")(x)
        if self.pool == "average":
            return layers.AveragePooling2D(stride, padding="same", name=f"pool_{n}")(x)
        return layers.Conv2D(
            width, self.kernel_size, strides=stride, padding="same", activation=self.activation, name=f"down_{n}"
        )(x)

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        return shapes.upsampling_decoder(
            data_shape,
            latent_dim,
            likelihood_channels,
            filters=self.filters,
            strides=self.strides,
            kernel_size=self.kernel_size,
            activation=self.activation,
        )
