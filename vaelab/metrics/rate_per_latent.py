"""The rate, latent by latent."""

from vaelab.config.types import Split
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score, mean_score


def rate_per_latent(view, *, split: Split) -> dict[str, Score]:
    """KL(q(z_d|x) || p(z_d)) of each latent d in nats per image, key `rate_latent_<d>`; they sum to the rate."""
    rates = needs(view, split=split)
    return {f"rate_latent_{d}": mean_score(rates[:, d]) for d in range(rates.shape[1])}


def needs(view, *, split, **_):
    """The rates (N, D)."""
    rates = view.split(split).rate_per_latent
    if rates is None:
        lacks = f"prior ({view.prior.option})" if view.closed_form else "posterior"
        raise NotApplicable(
            f"metric=rate_per_latent needs a closed-form KL(q(z|x) || p(z)), which this run's {lacks} does not have. "
            "Use metric=active_units or metric=knn_aggregate."
        )
    return rates


rate_per_latent.needs = needs
