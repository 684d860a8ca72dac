"""The negative log-likelihood of images by importance sampling."""

import math

import numpy as np

from vaelab.compute.normal import log_normal
from vaelab.config.types import NonNegativeFloat, PositiveFloat, PositiveInt, Split
from vaelab.metrics import bits, importance
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset
from vaelab.system import memory

_CODES_PER_CALL = 250_000  # images x samples that go to the decoder in one call of the view
_SAMPLES_PER_CALL = 500


def nll(
    view,
    *,
    split: Split,
    samples: PositiveInt,
    curve: list[PositiveInt],
    images: PositiveInt | None,
    widen: PositiveFloat,
    tolerance: NonNegativeFloat,
) -> dict[str, Score]:
    """-log p(x) in nats per image, key `nll_is<samples>`: an upper bound in expectation that falls to the exact value.

    log p(x) ~ log 1/S sum_s p(x|z_s) p(z_s) / r(z_s) with z_s ~ r(z) = N(E z, (widen std z)^2), moments under q(z|x),
    which is q(z|x) itself where that is a Gaussian and widen is 1; of a flow r is q(z|x) with its noise widened. Beside
    it:
    `nll_is<k>` for k of the curve, from the same draws in S // k groups; `..._ess`, the mean effective sample size
    (sum w)^2 / sum w^2; `..._khat`, what the tail index k-hat of the weights stays below for 90 % of the images;
    `..._mc_error`, the error of the mean due to sampling z alone, its bias included (`se` is that due to the choice of
    images), None where the estimate is not settled (`importance.judged`); `bits_per_dim_is<samples>` where p(x|z) is a
    probability of discrete pixels. Where it is not settled the numbers are bounds: `doubt` and a note say so.

    Args:
        samples: draws S per image.
        curve: smaller numbers of draws to report as well; those of `samples` and above are left out.
        images: how many images; null for the whole split.
        widen: factor on the standard deviation of the proposal, of a flow on that of its noise.
        tolerance: nats by which a settled estimate may fall from S/2 to S samples.

    References:
        Rezende, Mohamed & Wierstra (2014), appendix E; Burda, Grosse & Salakhutdinov (2016); Vehtari et al.
        (2024) for k-hat.
    """
    rows, some = subset(view, split, images)
    part, rng = view.split(split), stream(view, "nll", split)
    wanted = sorted(k for k in set(curve) if k < samples)
    estimates = {k: np.empty(len(rows)) for k in wanted}
    weighed = []
    step = max(1, _CODES_PER_CALL // samples)
    memory.require(
        4 * 8 * samples * min(step, len(rows)), f"metrics.nll.samples={samples}: their weights", "Ask for fewer."
    )
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        weights = _log_weights(view, part.inputs(rows[chunk]), _proposal(view, part, rows[chunk], widen), samples, rng)
        for k in wanted:
            estimates[k][chunk] = -importance.log_mean(weights, k)
        weighed.append(importance.weigh(weights))
    found = importance.concatenated(weighed)
    verdict = importance.judged(found, samples, tolerance)
    warning = verdict.reason and f"not settled: {verdict.reason}; raise metrics.nll.samples or use metric=ais"
    how = None if view.has_density else "proposal: a Gaussian with the moments of q(z|x), which has no density"
    name, more = f"nll_is{samples}", {"samples": samples, "note": some}
    scores = {f"nll_is{k}": mean_score(estimates[k], samples=k, note=some) for k in wanted}
    scores[name] = mean_score(-found.log_p, rows, samples=samples, note=noted(warning, how, some), doubt=verdict.doubt)
    scores[f"{name}_ess"] = mean_score(found.ess, **more)
    if verdict.khat is not None:
        scores[f"{name}_khat"] = Score(verdict.khat, None, len(rows), **more)
    scores[f"{name}_mc_error"] = Score(verdict.error, None, len(rows), doubt=verdict.doubt, **more)
    if view.discrete:
        per_dim = bits.per_dim(-found.log_p, part)
        scores[f"bits_per_dim_is{samples}"] = mean_score(
            per_dim, samples=samples, note=noted(warning, some), doubt=verdict.doubt
        )
    return scores


def _proposal(view, part, rows, widen: float):
    """Noise eps ~ N(0, I), (S, B, D) -> (z ~ r, log |det dz/deps|), (S, B, D) and (S, B) or (B,), of B images."""
    if view.has_density and not view.closed_form:
        inputs = part.inputs(rows)

        def push(eps):
            wide = np.float32(widen) * eps
            z, log_q = view.push(inputs, wide)
            log_det = np.sum(log_normal(wide.astype(np.float64), 0.0, 1.0), axis=-1) - log_q
            return z, log_det + math.log(widen) * z.shape[-1]

        return push
    mean, std = part.mean[rows], part.std[rows] * np.float32(widen)
    log_std = np.log(std.astype(np.float64)).sum(axis=1)
    return lambda eps: (mean + std * eps, log_std)


def _log_weights(view, images, proposal, samples: int, rng) -> np.ndarray:
    """log p(x|z) p(z) / r(z) of `samples` draws z ~ r for each of B images, (samples, B)."""
    shape = (len(images[0]), view.latent_dim)
    weights = np.empty((samples, len(images[0])))
    for start in range(0, samples, _SAMPLES_PER_CALL):
        chunk = slice(start, min(start + _SAMPLES_PER_CALL, samples))
        eps = rng.standard_normal((chunk.stop - start, *shape), np.float32)
        z, log_det = proposal(eps)
        weights[chunk] = view.log_prob(images, z) + (view.prior.log_ratio(z, eps) + log_det)
    return weights
