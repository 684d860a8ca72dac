"""deconv: convolutions down, transposed convolutions up, a dense layer on both sides of the latent vector.

Encoder: Conv2D(C, first kernel, stride 1) -> L x Conv2D -> Flatten -> Dense(dense_dim).
Decoder: Dense(dense_dim) -> Dense -> (h, w, F) -> L' x Conv2DTranspose -> Conv2D(last kernel).
The last convolution is unpadded where the image is large enough for it, "same" elsewhere, and cropped to the data.
"""

from typing import Literal

from vaelab.config.types import Activation, PositiveInt
from vaelab.models import shapes
from vaelab.models.noise_injection import with_noise


class Deconv:
    """Settings of the architecture; `encoder` and `decoder` build complete functional models."""

    def __init__(
        self,
        *,
        first_kernel: PositiveInt,
        filters: list[PositiveInt],
        kernel_sizes: list[PositiveInt],
        strides: list[PositiveInt],
        dense_dim: PositiveInt,
        up_filters: list[PositiveInt],
        up_kernel_sizes: list[PositiveInt],
        up_strides: list[PositiveInt],
        up_padding: Literal["same", "valid"],
        last_kernel: PositiveInt,
        activation: Activation,
    ):
        self.down = shapes.aligned("model", filters=filters, kernel_sizes=kernel_sizes, strides=strides)
        self.up = shapes.aligned("model", up_filters=up_filters, up_kernel_sizes=up_kernel_sizes, up_strides=up_strides)
        self.first_kernel, self.last_kernel, self.dense_dim = first_kernel, last_kernel, dense_dim
        self.up_padding, self.activation = up_padding, activation

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, dense_dim); noise after the first convolution."""
        import keras
        from keras import layers

        shapes.downsampled(data_shape, [stride for _, _, stride in self.down])
        image = keras.Input(data_shape, name="image")
        x = layers.Conv2D(
            data_shape[-1], self.first_kernel, padding="same", activation=self.activation, name="convolution_1"
        )(image)
        inputs, x = with_noise(image, x, noise_dim)
        for n, (width, kernel_size, stride) in enumerate(self.down, start=2):
            x = layers.Conv2D(
                width, kernel_size, strides=stride, padding="same", activation=self.activation, name=f"convolution_{n}"
            )(x)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(self.dense_dim, activation=self.activation, name="features")(x)
        return keras.Model(inputs, x, name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        import keras
        from keras import layers

        height, width = self._smallest(data_shape)
        z = keras.Input((latent_dim,), name="z")
        x = layers.Dense(self.dense_dim, activation=self.activation, name="hidden")(z)
        filters = self.down[-1][0]
        x = layers.Dense(height * width * filters, activation=self.activation, name="expand")(x)
        x = layers.Reshape((height, width, filters), name="to_image")(x)
        for n, (width_n, kernel_size, stride) in enumerate(self.up, start=1):
            padding = self.up_padding if stride > 1 else "same"
            x = layers.Conv2DTranspose(
                width_n, kernel_size, strides=stride, padding=padding, activation=self.activation, name=f"up_{n}"
            )(x)
        return keras.Model(
            z, shapes.last_convolution(x, data_shape, likelihood_channels, self.last_kernel), name="decoder"
        )

    def _smallest(self, data_shape):
        """(h, w) where the decoder starts.

        Raises:
            ConfigError: the way up ends below the data's size.
        """
        start = shapes.downsampled(data_shape, [stride for _, _, stride in self.down])
        shapes.reaches(start, data_shape, [stride for _, _, stride in self.up])
        return start
