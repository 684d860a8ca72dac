"""The rate, latent by latent."""

from typing import Literal

from vaelab.errors import ConfigError
from vaelab.metrics.score import Score, mean_score


def rate_per_latent(view, *, split: Literal["train", "validation", "test"]) -> dict[str, Score]:
    """KL(q(z_d|x) || N(0, 1)) of each latent d in nats per image, key `rate_latent_<d>`; they sum to the rate."""
    rates = needs(view, split=split)
    return {f"rate_latent_{d}": mean_score(rates[:, d]) for d in range(rates.shape[1])}


def needs(view, *, split, **_):
    """The rates (N, D)."""
    rates = view.split(split).rate_per_latent
    if rates is None:
        raise ConfigError(
            "metric=rate_per_latent needs a closed-form q(z|x), which this run's posterior does not have. "
            "Use metric=active_units or metric=knn_aggregate."
        )
    return rates


rate_per_latent.needs = needs
