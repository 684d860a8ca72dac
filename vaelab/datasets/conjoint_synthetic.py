"""Two factors in plain sight: each row is one one-hot code after the other; views share the first, own the second."""

import itertools
from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt
from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError

MOST_ROWS = 1_000_000


def load(
    *,
    data_dir: str | None,
    seed: int,
    n: PositiveInt,
    n_views: PositiveInt,
    pairing: Literal["by_index", "by_target"],
    copies: PositiveInt,
) -> Dataset:
    """V views of uint8 0 or 255 (N, 1, 2n, 1): row (i, j) = concat(onehot(i), onehot(j)), label i, tag j.

    by_index: the n * n rows, equal in all views: i and j are shared.
    by_target: every combination of i with one j per view, n ** (V + 1) rows: i is shared, j is each view's own.
    The set is complete, so the test split is the training split.

    Args:
        n: values of each factor.
        copies: of the whole set.
    """
    n_free = 1 if pairing == "by_index" else n_views
    if n ** (n_free + 1) * copies > MOST_ROWS:
        raise ConfigError(
            f"dataset=conjoint_synthetic: n={n}, {n_views} views and {copies} copies make {n ** (n_free + 1) * copies} "
            f"rows, at most {MOST_ROWS} are sensible. Use fewer views, values or copies."
        )
    combinations = np.array(list(itertools.product(range(n), repeat=n_free + 1)))
    combinations = np.tile(combinations, (copies, 1))
    target = combinations[:, 0]
    tags = np.stack([combinations[:, 1 + min(v, n_free - 1)] for v in range(n_views)], axis=1)
    code = np.eye(n, dtype=np.uint8) * np.uint8(255)
    views = (np.concatenate([code[target], code[tags[:, v]]], axis=1) for v in range(n_views))  # (N, 2n)
    rows = Split(tuple(x.reshape(-1, 1, 2 * n, 1) for x in views), target, tags=tags)
    names = tuple(map(str, range(n)))
    return Dataset(
        "conjoint_synthetic", rows, rows, class_names=names, tag_names=names, values="binary", enumerated=True
    )


def shapes(*, n: int, n_views: int, **_) -> tuple[tuple[int, int, int], ...]:
    """(1, 2n, 1) of each view."""
    return ((1, 2 * n, 1),) * n_views
