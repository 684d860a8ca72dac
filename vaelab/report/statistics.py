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
        half: half the 95 % interval of that difference, which holds for all pairs of settings at once, or None.
        p: probability of so large a difference between any two of as many equal settings; None where there is nothing
            to tell noise from.
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
    """(the best setting, every other one against it), by Tukey's studentised range.

    Seeds are blocks: jobs of one seed share the split of the data and the order of the batches, so their differences
    are compared. The noise is the residual of value = setting + seed, pooled over all settings: with few seeds per
    setting it is known that much better. Which setting is best is read off the same data, so a difference from it is
    judged as the largest of all pairs: the range of K means, over their error, follows the studentised range with
    (K - 1)(n - 1) degrees of freedom. Of sweeps whose settings are equal 5 % show any difference as real, and the
    intervals hold together in 95 % (for two settings this is the paired t-test). Noise is taken to be alike in all
    settings: where one of five has three times the noise of the others, 10 % of equal sweeps show a difference.

    Args:
        values: {setting: {seed: value}}.
        higher_is_better: whether the best is the largest.

    References:
        Tukey (1953), The problem of multiple comparisons; Hsu (1996), Multiple comparisons, chapter 5.
    """
    choose = max if higher_is_better else min
    means = {s: float(np.mean(list(v.values()))) for s, v in values.items()}
    best = choose(means, key=means.__getitem__)
    seeds = sorted(set.intersection(*(set(v) for v in values.values())))
    if len(seeds) < 2 or len(values) < 2:
        return best, [Difference(s, means[s] - means[best], None, None) for s in values if s != best]
    table = np.array([[v[k] for k in seeds] for v in values.values()])
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    freedom = (len(values) - 1) * (len(seeds) - 1)
    error = math.sqrt(float((residual**2).sum()) / freedom / len(seeds))  # of one setting's mean
    paired = dict(zip(values, table.mean(1)))
    best = choose(paired, key=paired.__getitem__)
    differences = {s: float(paired[s] - paired[best]) for s in values if s != best}
    half = float(stats.studentized_range.ppf(LEVEL, len(values), freedom) * error)
    if error > 0:
        p = stats.studentized_range.sf(np.abs(list(differences.values())) / error, len(values), freedom)
    else:
        p = [float(d == 0) for d in differences.values()]
    return best, [Difference(s, d, half, float(q)) for (s, d), q in zip(differences.items(), p)]


def pareto(points: list[tuple[float, float]]) -> list[int]:
    """Indices of the points no other is at most as large in both coordinates (and smaller in one), by the first."""
    kept, lowest = [], math.inf
    for k in sorted(range(len(points)), key=lambda k: points[k]):
        if points[k][1] < lowest:
            kept.append(k)
            lowest = points[k][1]
    return kept
