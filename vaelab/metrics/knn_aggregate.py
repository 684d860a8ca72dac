"""How far the codes of all images are from the prior, from draws alone."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.metrics import neighbours
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset


def knn_aggregate(
    view,
    *,
    split: Split,
    k: PositiveInt,
    cross_entropy: Literal["analytic", "neighbours"],
    images: PositiveInt | None,
) -> dict[str, Score]:
    """KL(q(z) || p(z)) = CE(q, p) - H(q) in nats, key `kl_aggregate_knn`, and H(q), key `entropy_aggregate_knn`.

    One draw z ~ q(z|x) per image, so it works for every posterior; both terms from nearest neighbours (see
    vaelab/metrics/neighbours.py), the cross-entropy by choice from the prior's known density.

    Args:
        k: which neighbour.
        cross_entropy: analytic, or neighbours among as many draws from the prior (its bias partly cancels).
        images: how many images; null for the whole split.
    """
    rows, some = subset(view, split, images)
    z = np.asarray(view.split(split).z[rows], np.float64)
    if len(z) <= k:
        raise ConfigError(f"metrics.knn_aggregate.k: {k} neighbours need more than {k} images; there are {len(z)}.")
    entropy = neighbours.entropy(z, k)
    if cross_entropy == "analytic":
        cross = neighbours.cross_entropy_to_prior(z, view.prior)
    else:
        cross = neighbours.cross_entropy(z, view.sample_prior(len(z), stream(view, "knn_aggregate", split)), k)
    note = noted(neighbours.doubts(z.shape[1], max(entropy.equal, cross.equal)), some)
    return {
        "kl_aggregate_knn": mean_score(cross.terms - entropy.terms, samples=1, note=note),
        "entropy_aggregate_knn": mean_score(entropy.terms, samples=1, note=note),
    }
