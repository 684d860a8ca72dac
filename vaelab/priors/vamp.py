"""p(z) as the aggregate posterior of images that are learned."""

from typing import Any, Literal

import numpy as np
from keras import initializers, ops

from vaelab.config.types import NonNegativeFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.priors.gaussians import GaussianMixture, equal_log_weights


class Vamp(GaussianMixture):
    """p(z) = 1/K sum_k q(z|u_k), u_k learned pseudo-inputs of the data's shape, clipped to [0, 1].

    They go through the same encoder as images do, standardised where those are; a value beyond [0, 1] has no gradient.

    Args:
        pseudo_inputs: K.
        start_from: noise, or training images (then start_mean and start_std do nothing).
        start_mean, start_std: of the noise.
        latent_dim: D.

    References:
        Tomczak & Welling (2018), VAE with a VampPrior.
    """

    option = "vamp"

    def __init__(
        self, *, pseudo_inputs: PositiveInt, start_from: Literal["noise", "images"], start_mean: float,
        start_std: NonNegativeFloat, latent_dim,
    ):  # fmt: skip
        super().__init__(latent_dim=latent_dim)
        self.n, self.start_from = pseudo_inputs, start_from
        self.words = f"1/{pseudo_inputs} Σ q(z|u_k)"
        self._first = initializers.RandomNormal(start_mean, start_std)
        self._encode: Any = None  # set before training
        self.inputs = []

    def connect(self, encode, facts, seed):
        """Takes the encoder and makes the pseudo-inputs.

        Raises:
            ConfigError: q(z|x) is no Gaussian or has a condition, pixels are no intensities, or the training images are
                fewer than K.
        """
        if encode is None:
            raise ConfigError("prior=vamp is a mixture of Gaussians q(z|u_k): use posterior=gaussian.")
        if facts.condition_dim:
            raise ConfigError(
                "prior=vamp encodes pseudo-inputs, which have no condition for q(z|x, c). Use prior=mixture, or "
                "condition=none."
            )
        if facts.data_kind == "real":
            raise ConfigError(
                "prior=vamp clips its pseudo-inputs to [0, 1], and these data are real numbers. Use prior=mixture."
            )
        if facts.n_images is not None and self.n > facts.n_images:
            raise ConfigError(
                f"prior.pseudo_inputs={self.n:,} are more than the {facts.n_images:,} training images. Ask for fewer."
            )
        self._encode = encode
        self.inputs = [
            self.add_weight(shape=(self.n, *shape), initializer=self._first, name=f"pseudo_inputs{number}")
            for number, shape in zip(["", *(f"_{v}" for v in range(2, len(facts.shapes) + 1))], facts.shapes)
        ]

    def start(self, images, rng):
        """Puts training images, drawn without replacement, in the place of the noise where that is asked for."""
        if self.start_from == "images":
            rows = np.sort(rng.choice(len(images[0]), self.n, replace=False))
            for weight, view in zip(self.inputs, images):
                pixels = np.asarray(view[rows])
                weight.assign(pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels)

    def components(self):
        """(log 1/K (K,), mean (K, D), log-variance (K, D)) of q(z|u_k)."""
        mean, std = self._encode(tuple(ops.clip(ops.convert_to_tensor(u), 0.0, 1.0) for u in self.inputs))
        return equal_log_weights(self.n), mean, 2.0 * ops.log(std)
