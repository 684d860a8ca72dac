"""Drawing images that share the value of one factor."""

import numpy as np

from vaelab.errors import ConfigError


class FixedFactor:
    """Rows of a split grouped by the value of one factor (N,); draws are with replacement.

    Images whose value no other image has are never drawn.
    """

    def __init__(self, factor: np.ndarray, name: str):
        values, group, size = np.unique(factor, return_inverse=True, return_counts=True)
        self._order = np.argsort(group, kind="stable")  # rows, group after group
        self._group, self._size = group, size
        self._start = np.concatenate([[0], np.cumsum(size)[:-1]])
        self._place = np.empty(len(factor), np.int64)  # of each row in its group
        self._place[self._order] = np.arange(len(factor)) - self._start[group[self._order]]
        self._anchors = np.flatnonzero(size[group] > 1)
        if not len(self._anchors):
            raise ConfigError(
                f"All {len(values)} images differ in '{name}': this metric needs images that share a value."
            )

    def anchors(self, shape, rng: np.random.Generator) -> np.ndarray:
        """Rows of random images."""
        return self._anchors[rng.integers(len(self._anchors), size=shape)]

    def members(self, anchors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each row a random row of the same value, perhaps itself."""
        group = self._group[anchors]
        return self._order[self._start[group] + rng.integers(self._size[group])]

    def partners(self, anchors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each row a random other row of the same value."""
        group = self._group[anchors]
        place = rng.integers(self._size[group] - 1)
        return self._order[self._start[group] + place + (place >= self._place[anchors])]


def fixed_factors(factors: np.ndarray, names) -> list[FixedFactor]:
    """One of each column of (N, F)."""
    return [FixedFactor(column, name) for column, name in zip(factors.T, names)]
