"""Entropies from distances to nearest neighbours: they need draws, no density."""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]  compiled, not annotated
from scipy.special import digamma, gammaln

from vaelab.compute.normal import LOG_2PI

FLOOR = 1e-10  # distance of equal points
BIASED_FROM = 8  # dimensions


class Estimate(NamedTuple):
    """A mean over points with what is needed to doubt it.

    Attributes:
        terms: its value point by point, (N,): their mean is the estimate.
        equal: fraction of the points whose distance was raised to the floor.
    """

    terms: np.ndarray
    equal: float

    @property
    def value(self) -> float:
        return float(self.terms.mean())


def entropy(q: np.ndarray, k: int) -> Estimate:
    """H(q) = log(N - 1) - psi(k) + log V_d + d mean log rho_k(q -> q), nats, from draws q (N, d).

    rho_k is the distance to the k-th nearest other draw, V_d the volume of the unit ball.

    References:
        Kozachenko & Leonenko (1987); Perez-Cruz (2008).
    """
    n, d = q.shape
    rho, equal = _floored(cKDTree(q).query(q, k=[k + 1])[0][:, 0])  # the nearest of all is the draw itself
    return Estimate(math.log(n - 1) - digamma(k) + _log_ball(d) + d * np.log(rho), equal)


def cross_entropy(q: np.ndarray, p: np.ndarray, k: int) -> Estimate:
    """CE(q, p) = log V_d + log n_p - psi(k) + d mean log rho_k(q -> p), nats, from draws of both."""
    n, d = p.shape
    rho, equal = _floored(cKDTree(p).query(q, k=[k])[0][:, 0])
    return Estimate(_log_ball(d) + math.log(n) - digamma(k) + d * np.log(rho), equal)


def cross_entropy_to_prior(q: np.ndarray, prior) -> Estimate:
    """CE(q, p) = -mean log p(z), nats: the prior's density is known.

    Args:
        prior: the view's.
    """
    return Estimate(0.5 * q.shape[1] * LOG_2PI - prior.log_ratio(q, np.zeros_like(q)), 0.0)


def doubts(dims: int, equal: float) -> str | None:
    """Why a nearest-neighbour estimate may be wrong."""
    said = []
    if dims >= BIASED_FROM:
        said.append(f"strongly biased in {dims} dimensions (from about {BIASED_FROM} on)")
    if equal > 0.001:
        said.append(f"{equal:.1%} of the codes have equal neighbours: the density has atoms and the value no meaning")
    return "; ".join(said) or None


def _log_ball(d: int) -> float:
    return 0.5 * d * math.log(math.pi) - float(gammaln(0.5 * d + 1))


def _floored(rho: np.ndarray) -> tuple[np.ndarray, float]:
    return np.maximum(rho, FLOOR), float(np.mean(rho < FLOOR))
