"""How well a score tells strange images from a run's own."""

from typing import NamedTuple

import numpy as np

_PER_CALL = 20  # bootstrap samples worked on at once


class Separation(NamedTuple):
    """Numbers of one score, or their bootstrap errors; strange images are the positives.

    Attributes:
        auroc: probability that a strange image scores higher than one of the run's own, ties counting half.
        aupr: average precision, sum_k (R_k - R_{k-1}) P_k over thresholds.
        fpr95: share of the own images that are taken for strange where 95 % of the strange ones are found.
    """

    auroc: float
    aupr: float
    fpr95: float


def separation(own: np.ndarray, strange: np.ndarray, bootstrap: int, rng) -> tuple[Separation, Separation]:
    """(the numbers, their standard errors: the spread over resamplings of both groups).

    Args:
        own, strange: values, larger is stranger.
        bootstrap: resamplings; both groups are drawn with replacement.

    References:
        Hendrycks & Gimpel (2017), A baseline for detecting misclassified and out-of-distribution examples; Efron
        (1979).
    """
    levels, place = np.unique(np.concatenate([own, strange]), return_inverse=True)
    counts = [np.bincount(part, minlength=len(levels)) for part in np.split(place, [len(own)])]
    drawn = []
    for start in range(0, bootstrap, _PER_CALL):
        size = min(_PER_CALL, bootstrap - start)
        drawn.append(_numbers(*(rng.multinomial(c.sum(), c / c.sum(), size=size) for c in counts)))
    errors = np.concatenate(drawn, axis=1).std(axis=1, ddof=1)
    return Separation(*map(float, _numbers(*counts))), Separation(*map(float, errors))


def _numbers(own: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Counts (..., L) of both groups at ascending levels -> (3, ...)."""
    n, m = own.sum(axis=-1), strange.sum(axis=-1)
    auroc = np.sum(strange * (np.cumsum(own, axis=-1) - own / 2), axis=-1) / (n * m)
    false, true = (np.cumsum(part[..., ::-1], axis=-1) for part in (own, strange))  # at or above a level, from the top
    precision = true / np.maximum(true + false, 1)
    aupr = np.sum(strange[..., ::-1] * precision, axis=-1) / m
    found = np.argmax(true >= 0.95 * m[..., None], axis=-1)[..., None]
    return np.stack([auroc, aupr, np.take_along_axis(false, found, axis=-1)[..., 0] / n])
