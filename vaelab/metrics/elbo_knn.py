"""The evidence lower bound of a posterior that has no density, its rate estimated from draws."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.metrics import neighbours
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset

_FLOATS_PER_CALL = 50_000_000


def elbo_knn(
    view,
    *,
    split: Split,
    k: PositiveInt,
    draws: PositiveInt,
    cross_entropy: Literal["analytic", "neighbours"],
    images: PositiveInt | None,
) -> dict[str, Score]:
    """`rate_knn`, KL(q(z|x) || p(z)) by nearest neighbours among draws from q(z|x), and `elbo_knn`, in nats per image.

    Works for every posterior; elbo_knn = -(distortion + rate_knn), the distortion over the same draws, is no bound
    because the estimated rate is not one.

    Args:
        k: which neighbour.
        draws: from q(z|x), per image.
        cross_entropy: analytic, or neighbours among as many draws from the prior.
        images: how many images; null for the whole split.
    """
    if draws <= k:
        raise ConfigError(f"metrics.elbo_knn.draws: {k} neighbours need more than {k} draws; got {draws}.")
    rows, some = subset(view, split, images)
    part, dims = view.split(split), view.latent_dim
    prior = view.sample_prior(draws, stream(view, "elbo_knn", split)) if cross_entropy == "neighbours" else None
    rate, distortion, equal = np.empty(len(rows)), np.empty(len(rows)), 0.0
    step = max(1, _FLOATS_PER_CALL // (draws * dims))
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        z = view.posterior_samples(split, draws, rows[chunk])  # (S, n, D)
        distortion[chunk] = -view.log_prob(part.inputs(rows[chunk]), z).mean(axis=0, dtype=np.float64)
        for i in range(z.shape[1]):
            q = np.asarray(z[:, i], np.float64)
            entropy = neighbours.entropy(q, k)
            if prior is None:
                cross = neighbours.cross_entropy_to_prior(q, view.prior)
            else:
                cross = neighbours.cross_entropy(q, prior, k)
            rate[start + i] = cross.value - entropy.value
            equal = max(equal, entropy.equal)
    note = noted("an estimate, no bound", neighbours.doubts(dims, equal), some)
    return {
        "elbo_knn": mean_score(-(distortion + rate), samples=draws, note=note),
        "rate_knn": mean_score(rate, samples=draws, note=note),
    }
