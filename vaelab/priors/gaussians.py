"""Mixtures of Gaussians with diagonal covariances: the density in Keras's tensors, the rest in numpy."""

import math

import numpy as np
from keras import layers, ops

from vaelab.compute.normal import LOG_2PI

_PAIRS_PER_CALL = 4_000_000


class GaussianMixture(layers.Layer):
    """p(z) = sum_k w_k N(z; m_k, diag(s_k^2)), whatever gives its components.

    Args:
        latent_dim: D.
    """

    def __init__(self, *, latent_dim):
        super().__init__(name="prior", dtype="float32")
        self.latent_dim = latent_dim
        self.built = True

    def components(self):
        """(log w_k (K,), m_k (K, D), log s_k^2 (K, D))."""
        raise NotImplementedError

    def log_prob(self, z):
        """log p(z): tensor (..., D) -> (...)."""
        log_weights, mean, log_var = self.components()
        return ops.logsumexp(log_weights + log_normals(z, mean, log_var), axis=-1)

    def frozen(self, arrays=None):
        """The mixture of the weights of now, or of a run's prior.npz."""
        if arrays is None:
            log_weights, mean, log_var = (ops.convert_to_numpy(a) for a in self.components())
            arrays = {"log_weights": log_weights, "mean": mean, "std": np.exp(0.5 * log_var)}
        return NumpyMixture(**arrays)

    def sample(self, n, rng):
        """n draws as an array (n, D)."""
        return self.frozen().sample(n, rng)


def log_normals(z, mean, log_var):
    """log N(z; m_k, diag(s_k^2)) of each component: tensors (..., D), (K, D), (K, D) -> (..., K).

    sum_d ((z - m) / s)^2 as products of matrices, about the middle of the means, so that little cancels.
    """
    middle = ops.stop_gradient(ops.mean(mean, axis=0))
    z, m, precision = z - middle, mean - middle, ops.exp(-log_var)
    constant = ops.sum(m * m * precision + log_var + LOG_2PI, axis=-1)
    squares = ops.matmul(z * z, ops.transpose(precision)) - 2.0 * ops.matmul(z, ops.transpose(m * precision))
    return -0.5 * (squares + constant)


class NumpyMixture:
    """The same in numpy, float64: draws, density and moments.

    Args:
        log_weights: (K,), of sum one as weights.
        mean, std: (K, D).
    """

    def __init__(self, *, log_weights, mean, std):
        self.log_weights, self.means, self.stds = (np.asarray(a, np.float64) for a in (log_weights, mean, std))
        self.arrays = {"log_weights": log_weights, "mean": mean, "std": std}
        self._weights = np.exp(self.log_weights) / np.exp(self.log_weights).sum()
        self.mean = self._weights @ self.means
        self.std = np.sqrt(self._weights @ (self.stds**2 + self.means**2) - self.mean**2)

    def sample(self, n, rng):
        """n draws (n, D)."""
        k = rng.choice(len(self._weights), n, p=self._weights)
        return self.means[k] + self.stds[k] * rng.standard_normal((n, self.means.shape[1]))

    def log_density(self, z):
        """log p(z), array (..., D) -> (...)."""
        from scipy.special import logsumexp

        z = np.asarray(z, np.float64)
        flat, middle, precision = z.reshape(-1, z.shape[-1]) - self.mean, self.means - self.mean, self.stds**-2.0
        right = np.concatenate([precision, -2.0 * middle * precision], axis=1).T  # (2 D, K)
        constant = np.sum(middle**2 * precision + 2 * np.log(self.stds) + LOG_2PI, axis=1)
        step, out = max(1, _PAIRS_PER_CALL // len(constant)), np.empty(len(flat))
        for start in range(0, len(flat), step):
            rows = flat[start : start + step]
            squares = np.concatenate([rows**2, rows], axis=1) @ right
            out[start : start + step] = logsumexp(self.log_weights - 0.5 * (squares + constant), axis=1)
        return out.reshape(z.shape[:-1])


def equal_log_weights(k: int):
    """log 1/K, K times, as a tensor."""
    return ops.full((k,), -math.log(k), dtype="float32")
