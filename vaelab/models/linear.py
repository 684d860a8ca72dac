"""linear: no hidden layer on either side.

With a Gaussian likelihood of fixed variance s^2 the model is x = W z + b + s * noise, whose log p(x) =
log N(x; b, W W' + s^2 I) is exact: the model that every estimator of log p(x) is checked on (Tipping & Bishop, 1999).
"""

import math


class Linear:
    """`encoder` hands the pixels on, so that the posterior's heads are linear in them; `decoder` is one dense layer."""

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C) [, noise (B, noise_dim)] -> features (B, H * W * C [+ noise_dim])."""
        import keras
        from keras import layers

        image = keras.Input(data_shape, name="image")
        x = layers.Flatten(name="flatten")(image)
        if not noise_dim:
            return keras.Model(image, x, name="encoder")
        noise = keras.Input((noise_dim,), name="noise")
        x = layers.Concatenate(name="join_noise")([x, noise])
        return keras.Model([image, noise], x, name="encoder")

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels), W z + b."""
        import keras
        from keras import layers

        shape = (*data_shape[:2], likelihood_channels)
        z = keras.Input((latent_dim,), name="z")
        # float32 whatever the training precision: these are the likelihood's parameters
        x = layers.Dense(math.prod(shape), dtype="float32", name="parameters")(z)
        return keras.Model(z, layers.Reshape(shape, dtype="float32", name="to_image")(x), name="decoder")
