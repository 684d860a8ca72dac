"""Nats per image as bits per dimension."""

import math

import numpy as np


def per_dim(nats: np.ndarray, part) -> np.ndarray:
    """Nats / (log 2 x pixels and channels of all views) for the images of a split."""
    dims = sum(math.prod(v.shape[1:]) for v in part.images(slice(0, 1)))
    return nats / (dims * math.log(2))
