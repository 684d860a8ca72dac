"""Fully connected nets of gated layers; the hidden layers of the encoder, mirrored in the decoder."""

import math

from vaelab.config.types import PositiveInt


class GatedDense:
    """Each layer is h(x) * sigmoid(g(x)), h and g linear, without another activation.

    `encoder` and `decoder` build complete functional models.

    References:
        Dauphin et al. (2017), Language modeling with gated convolutional networks; in VAEs: Tomczak & Welling (2018).
    """

    def __init__(self, *, hidden_dims: list[PositiveInt]):
        self.hidden_dims = list(hidden_dims)

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, hidden_dims[-1]); noise beside the pixels."""
        import keras
        from keras import layers

        inputs = image = keras.Input(data_shape, name="image")
        x = layers.Flatten(name="flatten")(image)
        if noise_dim:
            noise = keras.Input((noise_dim,), name="noise")
            inputs, x = [image, noise], layers.Concatenate(name="join_noise")([x, noise])
        return keras.Model(inputs, self._hidden(x, self.hidden_dims), name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels)."""
        import keras
        from keras import layers

        z = keras.Input((latent_dim,), name="z")
        shape = (*data_shape[:2], likelihood_channels)
        # float32 whatever the training precision: these are the likelihood's parameters
        x = layers.Dense(math.prod(shape), dtype="float32", name="parameters")(self._hidden(z, self.hidden_dims[::-1]))
        return keras.Model(z, layers.Reshape(shape, dtype="float32", name="to_image")(x), name="decoder")

    def _hidden(self, x, widths):
        """(B, n) -> (B, widths[-1])."""
        from keras import layers

        for n, width in enumerate(widths, start=1):
            h = layers.Dense(width, name=f"hidden_{n}")(x)
            g = layers.Dense(width, activation="sigmoid", name=f"gate_{n}")(x)
            x = layers.Multiply(name=f"gated_{n}")([h, g])
        return x
