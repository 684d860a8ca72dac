"""The random stream of one metric on one split: the same numbers whichever other metrics are asked for."""

import zlib
from typing import get_args

import numpy as np

from vaelab.config.types import Split

_SPLITS = get_args(Split)


def stream(view, metric: str, split: str) -> np.random.Generator:
    """A fresh generator; a metric's name and the split select it."""
    return view.rng("metrics", zlib.crc32(metric.encode()), _SPLITS.index(split))
