"""Images as a view sees them, each by itself: what scores of single images are made of."""

import math
import zlib
from functools import cache, cached_property

import numpy as np
from scipy.special import logsumexp

from vaelab.compute.normal import log_normal
from vaelab.datasets.base import to_unit

_STREAM = zlib.crc32(b"seen")


class Seen:
    """N images and the terms of their ELBO, computed once, when first asked for.

    The noise of draw s is the same for every image: what is computed of an image depends neither on the images beside
    it nor on its place among them, and images are compared by the same draws.

    Args:
        view: a `contracts.View`.
        images: views as stored, (N, H, W, C) each.
        given: their condition, ((N, K),), where the run has one.
    """

    def __init__(self, view, images, given=()):
        self._view, self.images = view, tuple(to_unit(np.asarray(v)) for v in images)
        self._inputs = (*self.images, *given)
        self._draws, self._log_prob = cache(self._drawn), cache(self._log_prob_of)

    def __len__(self) -> int:
        return len(self.images[0])

    @cached_property
    def _moments(self):
        if (n := self._view.moment_draws) is None:
            return self._view.encode(self._inputs)
        z, _ = self._draws(n)
        return z.mean(axis=0), z.std(axis=0)

    @property
    def mean(self) -> np.ndarray:
        """E[z|x] under q, (N, D)."""
        return self._moments[0]

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of q(z|x), (N, D)."""
        return self._moments[1]

    def _drawn(self, samples: int):
        """(z ~ q(z|x), its log density or None), (S, N, D) and (S, N)."""
        view = self._view
        eps = view.rng("metrics", _STREAM, samples).standard_normal((samples, 1, view.eps_dim), np.float32)
        if view.closed_form:
            z = self.mean + self.std * eps
            return z, np.sum(log_normal(z.astype(np.float64), self.mean, self.std), axis=-1)
        return view.push(self._inputs, np.broadcast_to(eps, (samples, len(self), view.eps_dim)))

    def _log_prob_of(self, samples: int) -> np.ndarray:
        """log p(x|z) at the draws, (S, N)."""
        return np.asarray(self._view.log_prob(self._inputs, self._draws(samples)[0]), np.float64)

    def distortion(self, samples: int) -> np.ndarray:
        """-mean over draws of log p(x|z), (N,)."""
        return -self._log_prob(samples).mean(axis=0)

    def rate(self, samples: int) -> np.ndarray | None:
        """KL(q(z|x) || p(z)), (N,): in closed form, or the mean over draws of log q(z|x) - log p(z)."""
        view = self._view
        each = view.prior.rate_of_moments(self.mean, self.std) if view.closed_form else None
        if each is not None:
            return np.asarray(each, np.float64).sum(axis=1)
        z, log_q = self._draws(samples)
        return None if log_q is None else (log_q - view.log_prior(z)).mean(axis=0)

    def elbo(self, samples: int) -> np.ndarray:
        """-(distortion + rate), (N,)."""
        return -(self.distortion(samples) + self.rate(samples))

    def log_p(self, samples: int) -> np.ndarray:
        """log p(x) ~ log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x), (N,)."""
        z, log_q = self._draws(samples)
        weights = self._log_prob(samples) + self._view.log_prior(z) - log_q
        return np.asarray(logsumexp(weights, axis=0)) - math.log(samples)

    def least_distortion(self) -> np.ndarray | None:
        """The least -log p(x|z) that any decoder could give, (N,); None where it is not known."""
        return self._view.least_distortion(self._inputs)

    def grad_log_joint(self, z) -> tuple[np.ndarray, np.ndarray]:
        """log p(x|z) + log p(z), (N,), and its gradient in z, (N, D)."""
        return self._view.grad_log_joint(self._inputs, z)
