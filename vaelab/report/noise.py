"""How much of a difference is seed noise: means with intervals, and comparisons with the best setting."""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean over seeds with its 95 % interval; `half` is None for a single seed."""

    mean: float
    half: float | None
    n: int


class Difference(NamedTuple):
    """A setting against the best one.

    Attributes:
        setting: values of the axes.
        mean: its mean minus the best one's.
        half: half the 95 % interval of that difference, or None.
        p: two-sided p-value after Holm's correction, or None where there is nothing to tell noise from.
    """

    setting: tuple
    mean: float
    half: float | None
    p: float | None

    @property
    def real(self) -> bool:
        """Whether it is larger than seed noise."""
        return self.p is not None and self.p < 1 - LEVEL


def interval(values) -> Interval:
    """Student's t interval of a mean."""
    values = np.asarray(values, float)
    n = len(values)
    if n < 2:
        return Interval(float(values.mean()), None, n)
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return Interval(float(values.mean()), float(half), n)


def against_best(values: dict[tuple, dict[int, float]], higher_is_better: bool) -> tuple[tuple, list[Difference]]:
    """(the best setting, every other one against it).

    Seeds are blocks: jobs of one seed share the split of the data and the order of the batches, so their differences
    are compared (for two settings this is the paired t-test). The noise is the residual of value = setting + seed,
    pooled over all settings: with few seeds per setting it is known that much better. Holm's correction for the
    number of comparisons.

    Args:
        values: {setting: {seed: value}}.
        higher_is_better: whether the best is the largest.
    """
    means = {s: float(np.mean(list(v.values()))) for s, v in values.items()}
    best = (max if higher_is_better else min)(means, key=means.get)
    seeds = sorted(set.intersection(*(set(v) for v in values.values())))
    others = [s for s in values if s != best]
    if len(seeds) < 2 or not others:
        return best, [Difference(s, means[s] - means[best], None, None) for s in others]
    settings = list(values)
    table = np.array([[values[s][k] for k in seeds] for s in settings])
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    freedom = (len(settings) - 1) * (len(seeds) - 1)
    error = math.sqrt(2 * float((residual**2).sum()) / freedom / len(seeds))
    paired = dict(zip(settings, table.mean(1)))
    best = (max if higher_is_better else min)(paired, key=paired.get)
    others = [s for s in values if s != best]
    differences = [float(paired[s] - paired[best]) for s in others]
    raw = [float(2 * stats.t.sf(abs(d) / error, freedom)) if error > 0 else float(d == 0) for d in differences]
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    return best, [Difference(s, d, half, p) for s, d, p in zip(others, differences, holm(raw))]


def holm(p: list[float]) -> list[float]:
    """Holm's (1979) step-down correction of p-values."""
    order, corrected, largest = np.argsort(p), [0.0] * len(p), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[k]))
        corrected[k] = largest
    return corrected


def pareto(points: list[tuple[float, float]]) -> list[int]:
    """Indices of the points no other is at most as large in both coordinates (and smaller in one), by the first."""
    kept, lowest = [], math.inf
    for k in sorted(range(len(points)), key=lambda k: points[k]):
        if points[k][1] < lowest:
            kept.append(k)
            lowest = points[k][1]
    return kept
