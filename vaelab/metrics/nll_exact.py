"""The exact negative log-likelihood, where there is one."""

import math

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import subset

TOLERANCE = 1e-3  # of the gradient's size: float32, not curvature


def nll_exact(view, *, split: Split, images: PositiveInt | None) -> dict[str, Score]:
    """-log p(x) in nats per image, key `nll_exact`, of a linear decoder with a Gaussian likelihood of fixed variance.

    There log p(x, z) = c - 1/2 (z - m)' A (z - m) in z with one A for all images, so that log p(x) = c + D/2 log 2 pi -
    1/2 log det A. A and m come from gradients of log p(x, z) in z, c is its value at m. The value the estimators
    `nll` and `ais` are checked by (model=linear likelihood=gaussian).

    Args:
        images: how many images, the same ones as the estimators'; null for the whole split.

    Raises:
        ConfigError: log p(x, z) is not quadratic in z.
    """
    rows, some = subset(view, split, images)
    shown, dim = view.split(split).inputs(rows), view.latent_dim
    n = len(rows)

    def gradient(z):
        return np.asarray(view.grad_log_joint(shown, z.astype(np.float32))[1], np.float64)

    origin = gradient(np.zeros((n, dim)))
    precision = np.stack([np.mean(origin - gradient(np.tile(axis, (n, 1))), axis=0) for axis in np.eye(dim)])
    precision = (precision + precision.T) / 2
    somewhere = stream(view, "nll_exact", split).standard_normal((n, dim))
    expected, found = origin - somewhere @ precision, gradient(somewhere)
    if np.abs(found - expected).max() > TOLERANCE * np.abs(found).max():
        raise NotApplicable(
            "metric=nll_exact needs a linear decoder and a Gaussian likelihood of one variance (model=linear "
            "likelihood=gaussian), and this run has others. Use metric=nll or metric=ais."
        )
    mode = np.linalg.solve(precision, origin.T).T
    joint = np.asarray(view.grad_log_joint(shown, mode.astype(np.float32))[0], np.float64)
    log_p = joint + 0.5 * dim * math.log(2 * math.pi) - 0.5 * np.linalg.slogdet(precision)[1]
    return {"nll_exact": mean_score(-log_p, note=some)}
