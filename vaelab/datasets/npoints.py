"""n points: the rows of the n x n identity, the smallest data an aggregate posterior can be seen on."""

import numpy as np

from vaelab.config.types import PositiveInt
from vaelab.datasets.base import Dataset, Split


def load(*, data_dir: str | None, seed: int, n: PositiveInt, copies: PositiveInt) -> Dataset:
    """uint8 0 or 255 (n * copies, 1, n, 1); label = number of the point; the test split is the training split.

    Args:
        n: points and dimensions.
        copies: of each point, so that an epoch is worth a batch (4 points x 100 = one batch of 400).
    References:
        Mescheder, Nowozin & Geiger (2017), Adversarial Variational Bayes, section 6.1 (n = 4).
    """
    y = np.tile(np.arange(n), copies)
    x = (np.eye(n, dtype=np.uint8) * np.uint8(255))[y].reshape(-1, 1, n, 1)
    points = Split((x,), y)
    names = tuple(map(str, range(n)))
    return Dataset("npoints", points, points, class_names=names, values="binary", enumerated=True)


def shapes(*, n: int, **_) -> tuple[tuple[int, int, int], ...]:
    """((1, n, 1),)"""
    return ((1, n, 1),)
