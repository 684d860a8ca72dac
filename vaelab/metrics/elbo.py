"""The evidence lower bound and its two terms."""

from typing import Any

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.contracts import SplitView, optional
from vaelab.metrics import bits
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream

_CODES_PER_CALL = 50_000


def elbo(view, *, split: Split, n_samples: PositiveInt) -> dict[str, Score]:
    """ELBO, distortion and rate in nats per image; higher ELBO is better and beta never enters.

    distortion = -E_q(z|x) log p(x|z) over n_samples draws, rate = KL(q(z|x) || p(z)), elbo = -(distortion + rate).
    Where q(z|x) has no density the rate is a critic's estimate, which may be negative and makes no bound: the keys
    are then `rate_critic` and `elbo_critic`; without a critic there is the distortion alone. Beside them:
    `rate_level_1`, ... of latents in several levels, log q(z_l | x, z_>l) - log p(z_l | z_>l), which sum to the rate;
    `bits_per_dim_elbo`, -elbo / (log 2 x dimensions), where p(x|z) is a probability of discrete pixels;
    `likelihood_variance` or `likelihood_scale` where one number was learned for all pixels.

    Args:
        n_samples: draws from q(z|x) per image for the distortion; the rate needs none in closed form.

    References:
        Kingma & Welling (2014).
    """
    part = view.split(split)
    distortion = part.distortion if n_samples == 1 else _distortion(view, split, n_samples)
    more: dict[str, Any] = {"samples": n_samples}
    learned = {key: Score(value, note="learned, in units of the decoder's mean") for key, value in view.learned.items()}
    if part.rate is None:
        return {"distortion": mean_score(distortion, note="no rate: metric=elbo_knn estimates one", **more)} | learned
    rate = np.asarray(part.rate, np.float64)
    if view.has_density:
        drawn: dict[str, Any] = (
            {} if part.rate_per_latent is not None else {"samples": 1, "note": "log q(z|x) - log p(z) at one draw"}
        )
        at_a_draw: dict[str, Any] = {"note": "its rate at one draw"} if drawn else {}
        scores = {
            "elbo": mean_score(-(distortion + rate), **more, **at_a_draw),
            "distortion": mean_score(distortion, **more),
            "rate": mean_score(rate, **drawn),
        }
        for name, of_part in (optional(part, SplitView, "rate_per_part") or {}).items():
            scores[f"rate_{name}"] = mean_score(of_part, samples=1, note="of this level, at one draw")
        if view.discrete:
            scores["bits_per_dim_elbo"] = mean_score(bits.per_dim(distortion + rate, part), **more)
        return scores | learned
    note = "a critic's estimate: no bound on log p(x), compare objectives by nll"
    return {
        "elbo_critic": mean_score(-(distortion + rate), note=note, **more),
        "distortion": mean_score(distortion, **more),
        "rate_critic": mean_score(rate, samples=1, note=note),
    } | learned


def _distortion(view, split: str, n_samples: int) -> np.ndarray:
    """-mean over draws of log p(x|z), (N,)."""
    part = view.split(split)
    drawn = None if view.closed_form else view.posterior_samples(split, n_samples)
    rng = stream(view, "elbo", split)
    step = max(1, _CODES_PER_CALL // n_samples)
    out = np.empty(len(part))
    for start in range(0, len(part), step):
        rows = slice(start, min(start + step, len(part)))
        z = drawn[:, rows] if drawn is not None else part.sample_posterior(n_samples, rng, rows)  # (S, B, D)
        out[rows] = -view.log_prob(part.inputs(rows), z).mean(axis=0, dtype=np.float64)
    return out
