"""The aggregate posterior q(z) = 1/N sum_j q(z|x_j) of N images."""

import math
from typing import NamedTuple

import numpy as np

from vaelab.compute.normal import log_normal
from vaelab.errors import NotApplicable
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import subset

_PAIRS_PER_CALL = 4_000_000


class Aggregate(NamedTuple):
    """One draw z_i ~ q(z|x_i) per image and the moments that define q(z).

    Attributes:
        z, mean, std: (N, D) float64.
        log_prior: log p(z_i) in nats, (N,).
        note: which images, where they are not the whole split.
    """

    z: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    log_prior: np.ndarray
    note: str | None

    def log_conditional(self) -> np.ndarray:
        """log q(z_i|x_i) in nats, (N,)."""
        return np.sum(log_normal(self.z, self.mean, self.std), axis=1)

    def log_density(self) -> np.ndarray:
        """log q(z_i) in nats, (N,); image i is among the N, so it is at least log q(z_i|x_i) - log N."""
        n, d = self.z.shape
        out = np.empty(n)
        # sum_d ((z - m) / s)^2 as one product of matrices, about the centre of the codes
        centre = self.mean.mean(axis=0)
        z, m, precision = self.z - centre, self.mean - centre, self.std**-2.0
        right = np.concatenate([precision, -2 * m * precision], axis=1).T  # (2 D, N)
        constant = np.sum(m * m * precision + 2 * np.log(self.std), axis=1) + d * math.log(2 * math.pi)
        largest = (np.square(z).max() + np.square(m).max()) * precision.max()
        cancels = d * largest * np.finfo(float).eps > 1e-3  # nats lost where codes are far apart and very narrow
        for rows in _chunks(n, n):
            if cancels:
                exponents = np.zeros((len(z[rows]), n))
                for k in range(d):
                    exponents += np.square((self.z[rows, k, None] - self.mean[:, k]) / self.std[:, k])
                exponents += 2 * np.sum(np.log(self.std), axis=1) + d * math.log(2 * math.pi)
            else:
                exponents = np.concatenate([z[rows] ** 2, z[rows]], axis=1) @ right
                exponents += constant
            exponents *= -0.5
            out[rows] = _log_sum_exp(exponents) - math.log(n)
        return out

    def log_marginals(self) -> np.ndarray:
        """log q(z_id) of each latent by itself, in nats, (N, D)."""
        n, d = self.z.shape
        out = np.empty((n, d))
        for k in range(d):
            mean, inverse = self.mean[:, k], 1 / self.std[:, k]
            constant = -np.log(self.std[:, k]) - 0.5 * math.log(2 * math.pi)
            for rows in _chunks(n, n):
                exponents = self.z[rows, k, None] - mean  # (rows, N)
                exponents *= inverse
                exponents *= exponents
                exponents *= -0.5
                exponents += constant
                out[rows, k] = _log_sum_exp(exponents) - math.log(n)
        return out


def aggregate(view, split: str, images: int | None, *, metric: str) -> Aggregate:
    """The aggregate posterior of a split or of `images` of its rows; NotApplicable without closed-form q(z|x)."""
    needed(view, metric=metric)
    rows, note = subset(view, split, images)
    part = view.split(split)
    mean, std = (np.asarray(a[rows], np.float64) for a in (part.mean, part.std))
    z = mean + std * stream(view, "aggregate", split).standard_normal(mean.shape)  # one z ~ q(z|x) per image
    return Aggregate(z, mean, std, view.log_prior(z), note)


def needed(view, *, metric: str, **_) -> None:
    """NotApplicable without closed-form q(z|x)."""
    if not view.closed_form:
        raise NotApplicable(
            f"metric={metric} needs a closed-form q(z|x), which this run's posterior does not have. "
            "Use metric=knn_aggregate, which needs draws only."
        )


def _log_sum_exp(exponents: np.ndarray) -> np.ndarray:
    """log sum exp over the columns; the array is used up. Six times scipy's speed at this size."""
    top = exponents.max(axis=1)
    exponents -= top[:, None]
    np.exp(exponents, out=exponents)
    return np.log(exponents.sum(axis=1)) + top


def _chunks(rows: int, columns: int):
    step = max(1, _PAIRS_PER_CALL // columns)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
