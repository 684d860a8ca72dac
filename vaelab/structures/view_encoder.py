"""From one view to its features, with the noise of an implicit posterior."""

from keras import layers, ops

from vaelab.contracts import Posterior, optional
from vaelab.structures.networks import renamed


class ViewEncoder(layers.Layer):
    """The architecture's encoder of one view; draws the noise that enters it where the posterior is implicit.

    Args:
        architecture: has `encoder(data_shape, noise_dim)`.
        data_shape: (H, W, C).
        posterior: says whether and how noise enters (`body`, `noise_dim`, `make_noise`).
        network: name of the functional model.
        noise: name of the noise stream.
    """

    def __init__(self, architecture, data_shape, posterior, *, network, noise):
        super().__init__(name=f"{network}_with_noise", dtype="float32")
        self.network = renamed(posterior.body(architecture.encoder, data_shape), network)
        self.noise_dim = optional(posterior, Posterior, "noise_dim")
        self.noise = posterior.make_noise(noise) if self.noise_dim else None
        self.features_dim = self.network.output_shape[-1]
        self.built = True

    def call(self, x, training=False, eps=None):
        """x (B, H, W, C) [, eps (B, noise_dim), drawn here where it is None] -> features (B, F)."""
        if self.noise is None:
            return self.network(x, training=training)
        if eps is None:
            eps = self.noise.normal((ops.shape(x)[0], self.noise_dim), training)
        return self.network([x, eps], training=training)

    def exported(self, image, noise):
        """Features as a symbolic tensor."""
        return self.network([image, noise] if self.noise_dim else image)
