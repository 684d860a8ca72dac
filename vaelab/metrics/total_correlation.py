"""How far the latents are from being independent of each other."""

import math
from functools import partial

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.aggregate import aggregate, needed
from vaelab.metrics.mutual_information import NEAR
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.subset import noted


def total_correlation(view, *, split: Split, images: PositiveInt | None) -> dict[str, Score]:
    """TC = KL(q(z) || prod_d q(z_d)) and the dimension-wise sum_d KL(q(z_d) || p(z_d)), in nats.

    q(z) and q(z_d) are aggregate posteriors of the N images, one draw each; with I(x; z) the two sum to the rate. Where
    I(x; z) is at its limit log N, q(z) is too coarse to show independence and TC comes out too large: that is said.
    The second is left out where p(z) is no product over latents.

    Args:
        images: how many images make q(z) (time grows with the square); null for the whole split.

    References:
        Chen, Li, Grosse & Duvenaud (2018).
    """
    q = aggregate(view, split, images, metric="total_correlation")
    log_q, log_marginals = q.log_density(), q.log_marginals().sum(axis=1)
    limit = math.log(len(log_q))
    saturated = np.mean(q.log_conditional() - log_q) > limit - NEAR
    coarse = f"I(x; z) is saturated at log {len(log_q):,} = {limit:.2f}: an upper bound only" if saturated else None
    factorised = view.prior.factorised
    alone = None if factorised else f"no kl_dimensionwise: the prior {view.prior.option} is no product over latents"
    scores = {"total_correlation": mean_score(log_q - log_marginals, samples=1, note=noted(coarse, alone, q.note))}
    if factorised:
        scores["kl_dimensionwise"] = mean_score(log_marginals - q.log_prior, samples=1, note=q.note)
    return scores


total_correlation.needs = partial(needed, metric="total_correlation")
