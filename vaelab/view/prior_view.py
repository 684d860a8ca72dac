"""p(z) of a run in numpy: closed forms where the prior has them, else its density and draws."""

from functools import cached_property
from types import SimpleNamespace

import numpy as np

from vaelab.compute import normal
from vaelab.contracts import Prior, optional

DRAWS = 10_000  # behind moments and quantiles that have no closed form
_CODES_PER_CALL = 100_000


class NumpyPrior:
    """What metrics, pictures and the explorer read of a prior (`contracts.PriorView`).

    Args:
        prior: the part.
        latent_dim: D.
        rng: function () -> numpy generator of the draws behind moments and quantiles.
        arrays: what an earlier view of it had as `arrays`; None: its weights are those of now.
    """

    def __init__(self, prior, latent_dim: int, rng, arrays: dict | None = None):
        self._prior, self._latent_dim, self._rng = prior, latent_dim, rng
        self.option, self.words, self.factorised, self.gaussian = (
            optional(prior, Prior, name) for name in ("option", "words", "factorised", "gaussian")
        )
        frozen = optional(prior, Prior, "frozen")
        self._numpy = prior if frozen is None else frozen(arrays)
        self.arrays = None if frozen is None else self._numpy.arrays

    def _own(self, name: str):
        """A member in numpy, None where it has none."""
        return optional(self._numpy, Prior, name)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """z ~ p(z), (n, D) float64."""
        return np.asarray(self._numpy.sample(n, rng), np.float64)

    def log_density(self, z) -> np.ndarray:
        """log p(z) in nats, (..., D) -> (...)."""
        z = np.asarray(z)
        if (closed := self._own("log_density")) is not None:
            return closed(z)
        flat = z.reshape(-1, z.shape[-1]).astype(np.float32)
        pieces = [self._log_prob(flat[k : k + _CODES_PER_CALL]) for k in range(0, len(flat), _CODES_PER_CALL)]
        return np.concatenate(pieces).astype(np.float64).reshape(z.shape[:-1])

    def log_ratio(self, z, eps) -> np.ndarray:
        """log p(z) - log N(eps; 0, I) in nats, (..., D) -> (...)."""
        if (closed := self._own("log_ratio")) is not None:
            return closed(z, eps)
        return self.log_density(z) - np.sum(normal.log_normal(np.asarray(eps, np.float64), 0.0, 1.0), axis=-1)

    def rate_of_moments(self, mean, std) -> np.ndarray | None:
        """KL(N(mean_d, std_d^2) || p(z_d)) in nats, (N, D); None where it has no closed form."""
        if (closed := self._own("rate_of_moments")) is not None:
            return closed(mean, std)
        if optional(self._prior, Prior, "rate") is None:
            return None
        return np.asarray(self._rate(np.asarray(mean, np.float32), np.asarray(std, np.float32)), np.float64)

    @property
    def redraw(self):
        """Function (z, parts, rng) of a prior of several levels (`contracts.Prior.redraw`), else None."""
        return self._own("redraw")

    @property
    def mean(self) -> np.ndarray:
        """E z, (D,)."""
        return self._drawn.mean(axis=0) if (closed := self._own("mean")) is None else np.asarray(closed, np.float64)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of each latent, (D,)."""
        return self._drawn.std(axis=0) if (closed := self._own("std")) is None else np.asarray(closed, np.float64)

    def quantiles(self, levels) -> np.ndarray:
        """Quantiles of each latent by itself, levels (L,) in (0, 1) -> (L, D)."""
        if (closed := self._own("quantiles")) is not None:
            return closed(np.asarray(levels))
        return np.quantile(self._drawn, levels, axis=0)

    @cached_property
    def _drawn(self) -> np.ndarray:
        return self.sample(DRAWS, self._rng())

    @cached_property
    def _log_prob(self):
        from vaelab.compute.compiled import compiled

        return compiled(self._prior.log_prob)

    @cached_property
    def _rate(self):
        from keras import ops

        from vaelab.compute.compiled import compiled

        def rate(mean, std):
            return self._prior.rate(SimpleNamespace(mean=mean, std=std, log_std=ops.log(std)))

        return compiled(rate)
