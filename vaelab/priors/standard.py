"""p(z) = N(0, I)."""

import numpy as np

from vaelab.compute import normal


class Standard:
    """Nothing is learned; everything has a closed form. Keras is imported where tensors come in.

    Args:
        latent_dim: D.
    """

    option, words = "standard", "N(0, I)"
    factorised = gaussian = True

    def __init__(self, *, latent_dim):
        self.latent_dim = latent_dim
        self.mean, self.std = np.broadcast_to(0.0, latent_dim), np.broadcast_to(1.0, latent_dim)

    def log_prob(self, z):
        """log p(z) = -1/2 sum_d (z_d^2 + log 2 pi): tensor (..., D) -> (...)."""
        from keras import ops

        return -0.5 * ops.sum(ops.square(z) + normal.LOG_2PI, axis=-1)

    def rate(self, q):
        """KL(q(z_d|x) || p(z_d)) = (mean^2 + std^2 - 1) / 2 - log std, tensor (B, D), never negative."""
        from keras import ops

        return 0.5 * (ops.square(q.mean) + ops.square(q.std) - 1.0) - q.log_std

    def draw(self, n, noise, training):
        """n draws as a tensor (n, D)."""
        return noise.normal((n, self.latent_dim), training)

    def sample(self, n, rng):
        """n draws as an array (n, D)."""
        return rng.standard_normal((n, self.latent_dim))

    def quantiles(self, levels):
        """(L,) -> (L, D)."""
        from scipy.stats import norm

        return np.tile(norm.ppf(levels)[:, None], (1, self.latent_dim))

    def log_density(self, z):
        """log p(z), array (..., D) -> (...)."""
        return np.sum(normal.log_normal(z, 0.0, 1.0), axis=-1)

    def log_ratio(self, z, eps):
        """log p(z) - log N(eps; 0, I) = 1/2 sum_d (eps_d^2 - z_d^2), arrays (..., D) -> (...)."""
        return 0.5 * np.sum(np.square(eps, dtype=np.float64) - np.square(z, dtype=np.float64), axis=-1)

    def rate_of_moments(self, mean, std):
        """`rate` of arrays (N, D)."""
        return normal.rate(mean, std)
