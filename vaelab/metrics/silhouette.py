"""Do the classes form clusters in latent space?"""

from functools import partial

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.metrics.labelled import labelled, needed, suffix
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.subset import subset

_PAIRS_PER_CALL = 10_000_000


def silhouette(
    view,
    *,
    split: Split,
    label: str,
    part: str | None,
    images: PositiveInt | None,
) -> dict[str, Score]:
    """Mean silhouette (b - a) / max(a, b) of the posterior means under their labels, from -1 to 1.

    a: mean Euclidean distance to the others of the own class, b: to those of the nearest other class; 0 for a class of
    one image.

    Args:
        label: "class", "tag_<v>" or a factor's name.
        part: part of the latent vector ("shared", "private_1"), null for all.
        images: how many images (time grows with the square); null for the whole split.

    References:
        Rousseeuw (1987).
    """
    codes, labels = labelled(view, split, metric="silhouette", label=label, part=part)
    rows, note = subset(view, split, images)
    codes, (values, labels) = codes[rows], np.unique(labels[rows], return_inverse=True)
    if len(values) < 2:
        raise NotApplicable(f"metric=silhouette needs at least two labels; all images have one {label}.")
    member = np.eye(len(values))[labels]  # (N, classes)
    sizes, n = member.sum(axis=0), len(codes)
    codes = codes - codes.mean(axis=0)  # the squares below cancel less
    scores = np.zeros(n)
    squares = np.sum(codes**2, axis=1)
    step = max(1, _PAIRS_PER_CALL // n)
    for start in range(0, n, step):
        chunk = slice(start, min(start + step, n))
        own = labels[chunk]
        distance = squares[chunk, None] + squares - 2 * codes[chunk] @ codes.T
        distance = np.sqrt(np.maximum(distance, 0, out=distance), out=distance)
        distance[np.arange(len(own)), np.arange(chunk.start, chunk.stop)] = 0
        sums = distance @ member  # (rows, classes)
        a = sums[np.arange(len(own)), own] / np.maximum(sizes[own] - 1, 1)
        means = sums / sizes
        means[np.arange(len(own)), own] = np.inf
        b = means.min(axis=1)
        scores[chunk] = np.where(sizes[own] > 1, (b - a) / np.maximum(np.maximum(a, b), 1e-300), 0.0)
    return {f"silhouette{suffix(label, part)}": mean_score(scores, note=note)}


silhouette.needs = partial(needed, metric="silhouette")
