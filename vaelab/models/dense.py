"""Fully connected nets: the hidden layers of the encoder, mirrored in the decoder."""

import math

from vaelab.config.types import Activation, PositiveInt


class Dense:
    """Settings of the architecture; `encoder` and `decoder` build complete functional models.

    Args:
        center: whether the encoder first maps pixels x to 2x - 1.
    """

    def __init__(self, *, hidden_dims: list[PositiveInt], activation: Activation, center: bool):
        self.hidden_dims, self.activation, self.center = list(hidden_dims), activation, center

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, hidden_dims[-1]); noise beside the pixels."""
        import keras
        from keras import layers

        inputs = image = keras.Input(data_shape, name="image")
        x = layers.Rescaling(2.0, -1.0, name="center")(image) if self.center else image
        x = layers.Flatten(name="flatten")(x)
        if noise_dim:
            noise = keras.Input((noise_dim,), name="noise")
            inputs, x = [image, noise], layers.Concatenate(name="join_noise")([x, noise])
        for n, width in enumerate(self.hidden_dims, start=1):
            x = layers.Dense(width, activation=self.activation, name=f"hidden_{n}")(x)
        return keras.Model(inputs, x, name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        import keras
        from keras import layers

        z = keras.Input((latent_dim,), name="z")
        x = z
        for n, width in enumerate(self.hidden_dims[::-1], start=1):
            x = layers.Dense(width, activation=self.activation, name=f"hidden_{n}")(x)
        shape = (*data_shape[:2], likelihood_channels)
        # float32 whatever the training precision: these are the likelihood's parameters
        x = layers.Dense(math.prod(shape), dtype="float32", name="parameters")(x)
        return keras.Model(z, layers.Reshape(shape, dtype="float32", name="to_image")(x), name="decoder")
