"""How far an image's code is from the nearest training codes."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vaelab.config.types import PositiveInt


def knn(view, *, k: PositiveInt):
    """Euclidean distance from E[z|x] to the k-th nearest among the training images'; larger is stranger.

    One pass through the encoder and a search among the training codes.

    Args:
        k: which neighbour; the last one where there are fewer training images.

    References:
        Sun, Ming, Zhu & Li (2022), Out-of-distribution detection with deep nearest neighbors; there of features of
        length 1.
    """
    codes = np.asarray(view.split("train").mean, np.float64)
    search = NearestNeighbors(n_neighbors=min(k, len(codes))).fit(codes)
    return lambda seen: search.kneighbors(np.asarray(seen.mean, np.float64))[0][:, -1]
