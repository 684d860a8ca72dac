"""What the code tells about the image, and how far the codes of all images are from the prior."""

import math
from functools import partial

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.aggregate import aggregate, needed
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.subset import noted

NEAR = 1.0  # nats below log N from which the estimate is called saturated


def mutual_information(view, *, split: Split, images: PositiveInt | None) -> dict[str, Score]:
    """I(x; z) = E log q(z|x) / q(z) and KL(q(z) || p(z)) = E log q(z) / p(z), in nats; they sum to the rate.

    q(z) is the aggregate posterior of the N images, one draw each. I(x; z) then cannot exceed log N: a value near it
    says only that the code tells these images apart, and what is missing there is added to KL(q(z) || p(z)). Both are
    marked where that happens.

    Args:
        images: how many images make q(z) (time grows with the square); null for the whole split.

    References:
        Hoffman & Johnson (2016), "ELBO surgery".
    """
    q = aggregate(view, split, images, metric="mutual_information")
    information = q.log_conditional() - (log_q := q.log_density())
    divergence = log_q - q.log_prior
    n, limit = len(log_q), math.log(len(log_q))
    saturated = np.mean(information) > limit - NEAR
    said = f"at most log {n:,} = {limit:.2f}"
    more = f"{said}; saturated: the true I(x; z) may be larger" if saturated else said
    also = f"I(x; z) is saturated at log {n:,} = {limit:.2f}: an upper bound only" if saturated else None
    return {
        "mutual_information": mean_score(information, samples=1, note=noted(more, q.note)),
        "kl_aggregate": mean_score(divergence, samples=1, note=noted(also, q.note)),
    }


mutual_information.needs = partial(needed, metric="mutual_information")
