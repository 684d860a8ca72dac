"""The negative log-likelihood of images by importance sampling."""

import math
from typing import Literal

import numpy as np
from scipy.special import logsumexp

from vaelab import memory
from vaelab.config.types import NonNegativeFloat, PositiveFloat, PositiveInt
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import joined, subset

_CODES_PER_CALL = 250_000  # images x samples that go to the decoder in one call of the view
_SAMPLES_PER_CALL = 500
_MANY_DRAWS = 20  # fewer samples cannot show a small effective sample size
_FEW = 5.0


def nll(
    view,
    *,
    split: Literal["train", "validation", "test"],
    samples: PositiveInt,
    curve: list[PositiveInt],
    images: PositiveInt | None,
    widen: PositiveFloat,
    tolerance: NonNegativeFloat,
) -> dict[str, Score]:
    """-log p(x) in nats per image, key `nll_is<samples>`: an upper bound in expectation that falls to the exact value.

    log p(x) ~ log 1/S sum_s p(x|z_s) p(z_s) / r(z_s) with z_s ~ r(z) = N(E z, (widen std z)^2), moments under q(z|x),
    which is q(z|x) itself where that is a Gaussian and widen is 1. Images are encoded once. Beside it:
    `nll_is<k>` for k of the curve, from the same draws in S // k groups; `..._ess`, the mean effective sample size
    (sum w)^2 / sum w^2; `..._mc_error`, the error of the mean due to sampling z alone, from the scatter of the weights
    (`se` is that due to the choice of images, and contains it); `bits_per_dim_is<samples>` where p(x|z) is a
    probability of discrete pixels. A note warns where the estimate still falls by more than `tolerance` from S/2 to S
    samples, or where many images rest on a handful of draws.

    Args:
        samples: draws S per image.
        curve: smaller numbers of draws to report as well; those of `samples` and above are left out.
        images: how many images; null for the whole split.
        widen: factor on the standard deviation of the proposal.
        tolerance: nats.

    References:
        Rezende, Mohamed & Wierstra (2014), appendix E; Burda, Grosse & Salakhutdinov (2016).
    """
    rows, some = subset(view, split, images)
    part, rng = view.split(split), stream(view, "nll", split)
    counts = sorted({k for k in curve if k < samples} | {samples, max(1, samples // 2)})
    estimates = {k: np.empty(len(rows)) for k in counts}
    ess = np.empty(len(rows))
    step = max(1, _CODES_PER_CALL // samples)
    memory.require(
        4 * 8 * samples * min(step, len(rows)), f"metrics.nll.samples={samples}: their weights", "Ask for fewer."
    )
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        chosen = rows[chunk]
        mean, std = part.mean[chosen], part.std[chosen] * np.float32(widen)
        weights = _log_weights(view, part.images(chosen), mean, std, samples, rng)
        for k in counts:
            groups = weights[: samples // k * k].reshape(samples // k, k, -1)
            estimates[k][chunk] = -(logsumexp(groups, axis=1) - math.log(k)).mean(axis=0)
        ess[chunk] = np.exp(2 * logsumexp(weights, axis=0) - logsumexp(2 * weights, axis=0))
    error = float(np.sqrt(np.sum(np.maximum(1 / ess - 1 / samples, 0))) / len(rows))
    falling = float(np.mean(estimates[max(1, samples // 2)] - estimates[samples]))
    warning = _not_settled(falling, ess, samples, tolerance)
    how = None if view.closed_form else "proposal: a Gaussian with the moments of q(z|x), which has no closed form"
    name = f"nll_is{samples}"
    wanted = [k for k in counts if k == samples or k in curve]
    scores = {f"nll_is{k}": mean_score(estimates[k], samples=k, note=some) for k in wanted}
    scores[name] = mean_score(estimates[samples], samples=samples, note=joined(warning, how, some))
    scores[f"{name}_ess"] = mean_score(ess, samples=samples, note=some)
    if samples > 1:
        scores[f"{name}_mc_error"] = Score(error, None, len(rows), samples, some)
    if getattr(view, "discrete", False):
        dims = sum(math.prod(v.shape[1:]) for v in part.images(slice(0, 1)))
        bits = estimates[samples] / (dims * math.log(2))
        scores[f"bits_per_dim_is{samples}"] = mean_score(bits, samples=samples, note=joined(warning, some))
    return scores


def _log_weights(view, images, mean, std, samples: int, rng) -> np.ndarray:
    """log p(x|z) p(z) / r(z) of `samples` draws z ~ r = N(mean, std^2) for each of B images, (samples, B)."""
    weights = np.empty((samples, len(mean)))
    log_std = np.log(std.astype(np.float64)).sum(axis=1)
    for start in range(0, samples, _SAMPLES_PER_CALL):
        chunk = slice(start, min(start + _SAMPLES_PER_CALL, samples))
        eps = rng.standard_normal((chunk.stop - start, *mean.shape), np.float32)
        z = mean + std * eps  # (S, B, D)
        # the constants of log p(z) and log r(z) cancel
        log_ratio = 0.5 * np.sum(np.square(eps, dtype=np.float64) - np.square(z, dtype=np.float64), axis=-1) + log_std
        weights[chunk] = view.log_prob(images, z) + log_ratio
    return weights


def _not_settled(falling: float, ess: np.ndarray, samples: int, tolerance: float) -> str | None:
    """What is wrong with the estimate, if anything."""
    few = float(np.mean(ess < _FEW)) if samples >= _MANY_DRAWS else 0.0
    if falling <= tolerance and few <= 0.1:
        return None
    signs = [f"falls by {falling:.2f} nats from {samples // 2} to {samples} samples"] if falling > tolerance else []
    signs += [f"{few:.0%} of the images rest on fewer than {_FEW:.0f} effective draws"] if few > 0.1 else []
    return f"not settled: {' and '.join(signs)}; raise metrics.nll.samples or use metric=ais"
