"""conv_mnist: strided 5x5 convolutions; the decoder ends in a dense layer over all pixels.

Encoder: 2x - 1 -> Conv 64, 128, 256 (5x5, stride 2) -> Flatten -> Dense 800.
Decoder: Dense 200 -> Dense (linear) -> (h, w, 32) -> ConvT 16, 8, 4 (5x5, stride 2) -> Conv C (5x5) -> Dense H * W * C.
After Mescheder, Nowozin & Geiger (2017), Adversarial Variational Bayes, as the conjoint VAE playground has it.
"""

import math

from vaelab.config.types import Activation, PositiveInt
from vaelab.errors import ConfigError
from vaelab.models import shapes
from vaelab.models.noise_injection import with_noise

LARGEST = 4096  # pixels times channels the last dense layer takes


class ConvMNIST:
    """Settings of the architecture; `encoder` and `decoder` build complete functional models."""

    def __init__(
        self,
        *,
        filters: list[PositiveInt],
        dense_dim: PositiveInt,
        decoder_dense_dim: PositiveInt,
        decoder_filters: list[PositiveInt],
        kernel_size: PositiveInt,
        activation: Activation,
    ):
        self.filters, self.decoder_filters = list(filters), list(decoder_filters)
        if len(decoder_filters) != len(filters) + 1:
            raise ConfigError(
                f"model.decoder_filters: expected {len(filters) + 1} numbers, one more than model.filters has "
                f"(before the first and after each upsampling), got {list(decoder_filters)}."
            )
        self.dense_dim, self.decoder_dense_dim = dense_dim, decoder_dense_dim
        self.kernel_size, self.activation = kernel_size, activation

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, dense_dim); noise after the first convolution."""
        import keras
        from keras import layers

        shapes.downsampled(data_shape, [2] * len(self.filters))  # says what is too small
        inputs = image = keras.Input(data_shape, name="image")
        x = layers.Rescaling(2.0, -1.0, name="center")(image)
        for n, width in enumerate(self.filters, start=1):
            x = layers.Conv2D(
                width, self.kernel_size, strides=2, padding="same", activation=self.activation, name=f"down_{n}"
            )(x)
            if n == 1:
                inputs, x = with_noise(image, x, noise_dim)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(self.dense_dim, activation=self.activation, name="features")(x)
        return keras.Model(inputs, x, name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        import keras
        from keras import layers

        height, width = self._smallest(data_shape)
        z = keras.Input((latent_dim,), name="z")
        x = layers.Dense(self.decoder_dense_dim, activation=self.activation, name="hidden")(z)
        x = layers.Dense(height * width * self.decoder_filters[0], name="expand")(x)
        x = layers.Reshape((height, width, self.decoder_filters[0]), name="to_image")(x)
        for n, filters in enumerate(self.decoder_filters[1:], start=1):
            x = layers.Conv2DTranspose(
                filters, self.kernel_size, strides=2, padding="same", activation=self.activation, name=f"up_{n}"
            )(x)
        x = shapes.last_convolution(x, data_shape, data_shape[-1], self.kernel_size, self.activation, name="pixels")
        shape = (*data_shape[:2], likelihood_channels)
        x = layers.Flatten(name="flatten")(x)
        # float32 whatever the training precision: these are the likelihood's parameters
        x = layers.Dense(math.prod(shape), dtype="float32", name="parameters")(x)
        return keras.Model(z, layers.Reshape(shape, dtype="float32", name="parameters_image")(x), name="decoder")

    def _smallest(self, data_shape):
        """(h, w) after all downsampling.

        Raises:
            ConfigError: the image is too small, or too large for a dense layer over its pixels.
        """
        if math.prod(data_shape) > LARGEST:
            raise ConfigError(
                f"model=conv_mnist ends in a dense layer over all pixels: {data_shape[0]}x{data_shape[1]}x"
                f"{data_shape[2]} are more than the {LARGEST} it is made for. Use model=conv_v1 or model=deconv."
            )
        return shapes.downsampled(data_shape, [2] * len(self.filters))
