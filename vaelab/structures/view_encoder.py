"""From one view to its features, with the noise of an implicit posterior and the planes of a condition."""

from keras import layers, ops

from vaelab.contracts import Posterior, optional
from vaelab.structures.conditioning import with_planes
from vaelab.structures.networks import renamed


class ViewEncoder(layers.Layer):
    """The architecture's encoder of one view; draws the noise that enters it where the posterior is implicit.

    Args:
        architecture: has `encoder(data_shape, noise_dim)`.
        data_shape: (H, W, C).
        posterior: says whether and how noise enters (`body`, `noise_dim`, `make_noise`).
        network: name of the functional model.
        noise: name of the noise stream.
        planes: columns of a condition that the images get a constant channel for, each; 0 for none.
    """

    def __init__(self, architecture, data_shape, posterior, *, network, noise, planes=0):
        super().__init__(name=f"{network}_with_noise", dtype="float32")
        height, width, channels = data_shape
        body = renamed(posterior.body(architecture.encoder, (height, width, channels + planes)), network)
        self.planes, self.network = planes, with_planes(body, data_shape, planes) if planes else body
        self.noise_dim = optional(posterior, Posterior, "noise_dim")
        self.noise = posterior.make_noise(noise) if self.noise_dim else None
        self.features_dim = self.network.output_shape[-1]
        self.built = True

    def call(self, x, condition=None, training=False, eps=None):
        """x (B, H, W, C) [, condition (B, K)] [, eps (B, noise_dim), drawn here where it is None] -> (B, F)."""
        planes = [condition] if self.planes else []
        if self.noise is None:
            return self.network([x, *planes] if planes else x, training=training)
        if eps is None:
            eps = self.noise.normal((ops.shape(x)[0], self.noise_dim), training)
        return self.network([x, eps, *planes], training=training)

    def exported(self, image, noise, given=()):
        """Features as a symbolic tensor; given: () or (condition,)."""
        inputs = [image, *([noise] if self.noise_dim else []), *(given if self.planes else ())]
        return self.network(inputs if len(inputs) > 1 else image)
