"""p(z) as a mixture around the codes of the training images."""

import math
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from vaelab.compute.noise import Noise
from vaelab.compute.normal import LOG_2PI
from vaelab.config.types import PositiveFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.priors.gaussians import GaussianMixture, equal_log_weights, log_normals

_IMAGES_PER_CALL = 1000


class Exemplar(GaussianMixture):
    """p(z) = 1/N sum_n N(z; E_q[z|x_n], s^2 I) over the N training images as they are stored, s learned.

    The codes are computed anew before the first epoch and after each, and are what `components` returns. While
    training, an image is left out of its own prior and the sum runs over few images, encoded as the weights are now:
    nearest: log 1/(N-1) sum over the `terms` images whose codes are nearest to z, less than log p(z) by what the others
    add; random: log 1/M sum over `terms` images drawn anew at every step, whose expectation is at most log p(z).

    Args:
        terms: how many images the sum runs over while training.
        choose: nearest to each z | random, the same for the batch.
        first_std: s at the start.
        latent_dim: D.

    References:
        Norouzi, Fleet & Norouzi (2020), Exemplar VAE.
    """

    option = "exemplar"

    def __init__(
        self, *, terms: PositiveInt, choose: Literal["nearest", "random"], first_std: PositiveFloat, latent_dim,
    ):  # fmt: skip
        super().__init__(latent_dim=latent_dim)
        self.terms, self.choose = terms, choose
        self.words = "1/N Σ N(z; E[z|x_n], s²I)"
        self.log_var = self.add_weight(shape=(), initializer="zeros", name="log_var")
        self.log_var.assign(2 * math.log(first_std))
        self._encode: Any = None  # set before training, as the images
        self.images: Any = None

    def connect(self, encode, facts, seed):
        """Takes the encoder and makes room for a code of each training image.

        Raises:
            ConfigError: q(z|x) is no Gaussian, or the training images are too few.
        """
        if encode is None:
            raise ConfigError("prior=exemplar is made of the means of q(z|x): use posterior=gaussian.")
        if facts.n_images is not None and self.terms >= facts.n_images:
            raise ConfigError(
                f"prior.terms={self.terms:,} must be fewer than the {facts.n_images:,} training images: each is "
                "left out of its own prior. Ask for fewer."
            )
        self._encode, self.n = encode, facts.n_images or 1
        self.noise = Noise(seed, "exemplar_choice")
        self.codes = self.add_weight(
            shape=(self.n, self.latent_dim), initializer="zeros", trainable=False, name="codes"
        )

    def start(self, images, rng):
        """Keeps the training images, from which the codes are computed."""
        self.images = tuple(ops.convert_to_tensor(np.asarray(view)) for view in images)

    def renew(self):
        """The codes of all training images with the weights of now."""
        rows = np.arange(self.n)
        chunks = [rows[k : k + _IMAGES_PER_CALL] for k in range(0, self.n, _IMAGES_PER_CALL)]
        self.codes.assign(np.concatenate([ops.convert_to_numpy(self._means(chunk)) for chunk in chunks]))

    def components(self):
        """(log 1/N (N,), codes (N, D), log s^2 (N, D))."""
        codes = ops.convert_to_tensor(self.codes)
        return (
            equal_log_weights(self.n),
            codes,
            ops.broadcast_to(ops.convert_to_tensor(self.log_var), (self.n, self.latent_dim)),
        )

    def training_log_prob(self, z, rows):
        """log p(z) over few images: z (B, D) of training images `rows` (B,), which are left out -> (B,)."""
        if self.choose == "random":
            draws = self.noise.uniform((self.terms,), True)
            chosen = ops.minimum(ops.cast(draws * self.n, "int32"), self.n - 1)
            mean = self._means(chosen)
            each = log_normals(
                z, mean, ops.broadcast_to(ops.convert_to_tensor(self.log_var), (self.terms, self.latent_dim))
            )
            others = ops.cast(chosen[None] != ops.cast(rows, "int32")[:, None], "float32")  # (B, M)
            kept = ops.maximum(ops.sum(others, axis=-1), 1.0)
            return ops.logsumexp(each + 1e9 * (others - 1.0), axis=-1) - ops.log(kept)
        chosen = self._nearest(ops.stop_gradient(z), rows)  # (B, terms)
        mean = ops.reshape(self._means(ops.reshape(chosen, (-1,))), (-1, self.terms, self.latent_dim))
        log_var = ops.convert_to_tensor(self.log_var)
        squares = ops.square(z[:, None] - mean) * ops.exp(-log_var) + log_var + LOG_2PI
        return ops.logsumexp(-0.5 * ops.sum(squares, axis=-1), axis=-1) - math.log(self.n - 1)

    def _nearest(self, z, rows):
        """Rows (B, terms) of the codes nearest to each z, its own image's left out."""
        codes = ops.convert_to_tensor(self.codes)
        nearness = 2.0 * ops.matmul(z, ops.transpose(codes)) - ops.sum(ops.square(codes), axis=-1)  # (B, N)
        own = ops.arange(self.n)[None] == ops.cast(rows, "int32")[:, None]
        return ops.top_k(ops.where(own, -1e9, nearness), self.terms)[1]

    def _means(self, rows):
        """E_q[z|x] of training images with the weights of now, (n,) -> (n, D)."""
        views = (ops.take(view, rows, axis=0) for view in self.images)
        return self._encode(tuple(_unit(view) for view in views))[0]


def _unit(view):
    """Pixels as stored -> [0, 1], float32."""
    stored = keras.backend.standardize_dtype(view.dtype)
    view = ops.cast(view, "float32")
    return view * (1.0 / 255.0) if stored == "uint8" else view
