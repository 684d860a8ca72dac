"""Has the encoder given up, or the training ended too early? Several signs, never one alone."""

import math

import numpy as np

from vaelab.config.types import NonNegativeFloat, PositiveInt, Split
from vaelab.contracts import SplitView, optional
from vaelab.metrics.aggregate import aggregate
from vaelab.metrics.mean_variance import mean_variance
from vaelab.metrics.mutual_information import NEAR
from vaelab.metrics.score import Score
from vaelab.metrics.subset import noted

RISING = 0.05  # share of all that the elbo gained, in the last tenth of the epochs, above which it still rises fast
LEAST_GAIN = 1.0  # nats below which no rise is told


def collapse(
    view,
    *,
    split: Split,
    threshold: NonNegativeFloat,
    min_rate: NonNegativeFloat,
    max_mismatch: NonNegativeFloat,
    images: PositiveInt,
) -> dict[str, Score]:
    """Signs of posterior collapse and of a prior that does not match, with what to try in the notes.

    `dead_latents` counts latents with Var_x(E_q z) <= threshold. `collapsed` is 1 where all are dead and the rate is
    below min_rate, else 0 (`collapsed_level_1`, ...: of latents in several levels, of each by its rate alone); where
    q(z|x) has no density the rate is that of a Gaussian with the same moments, which is never more than the true one.
    `prior_mismatch` is KL(q(z) || p(z)) in nats: from the aggregate posterior of some
    images while I(x; z) stays clear of its limit log N, else, and without a closed form, the lower bound
    1/2 (|m|^2 + tr S - D - log det S) from the mean m and covariance S of the codes in units of a Gaussian prior, which
    has no such limit. `underfitted` is 1 where the training ended too early: the decoder makes no pixel of any image
    half as bright as the brightest pixel there is (of a code that has not collapsed, which explains it otherwise), or
    the elbo, of validation where there is one, still rose fast: in the last tenth of the epochs by more than a nat and
    5 % of all it gained after the first.

    Args:
        threshold: variance of the posterior mean up to which a latent is dead.
        min_rate: nats under which the rate counts as zero.
        max_mismatch: nats of KL(q(z) || p(z)) above which prior samples are warned about.
        images: how many images make q(z), and are decoded.
    """
    part = view.split(split)
    dead = mean_variance(view, split) <= threshold
    rate, name = _rate(view, part)
    collapsed = bool(dead.all() and rate is not None and rate < min_rate)
    n = len(part)
    levels = (optional(part, SplitView, "rate_per_part") or {}).items()
    return {
        "dead_latents": Score(float(dead.sum()), None, n, note=_dead_note(dead, rate, min_rate, name)),
        "collapsed": Score(float(collapsed), None, n, note=_collapse_note(collapsed, rate, name)),
        **{f"collapsed_{level}": _level(level, float(np.mean(rates)), min_rate, n) for level, rates in levels},
        "prior_mismatch": _mismatch(view, split, images, max_mismatch),
        "underfitted": _underfitted(view, part, images, collapsed),
    }


def _rate(view, part) -> tuple[float | None, str]:
    """Mean over images of KL(N(mean, std^2) || p(z)) in nats, and what it is; of the split's own rate, which may be
    none, where that is a flow's or p(z) has no closed form.
    """
    rates = None
    if view.closed_form or (view.prior.gaussian and not view.has_density):
        rates = view.prior.rate_of_moments(part.mean, np.maximum(np.asarray(part.std, np.float64), 1e-12))
    if rates is None:
        return None if part.rate is None else float(np.mean(part.rate)), "the rate"
    return float(np.mean(np.sum(rates, axis=1))), "the rate" if view.closed_form else "the rate's lower bound"


def _dead_note(dead, rate: float | None, min_rate: float, name: str) -> str | None:
    if not dead.any() or (dead.all() and (rate is None or rate < min_rate)):
        return None
    which = ", ".join(map(str, np.flatnonzero(dead)[:10])) + (", ..." if dead.sum() > 10 else "")
    if dead.all():
        return (
            f"the posterior means hardly move, yet {name} is {rate:.2f} nats: the code may sit in the spread; see nll"
        )
    return (
        f"latents {which} of {len(dead)} are unused. Normal where there are more latents than the data need; to use "
        "them try a warm-up (beta_schedule=warmup), free bits (objective.free_bits), a lower beta or a smaller decoder"
    )


def _collapse_note(collapsed: bool, rate: float | None, name: str) -> str | None:
    if not collapsed:
        return None
    return (
        f"every latent is dead and {name} is {rate:.3f} nats: the decoder ignores z. Try a warm-up "
        "(beta_schedule=warmup), free bits (objective.free_bits), a lower beta or a smaller decoder"
    )


def _level(level: str, rate: float, min_rate: float, n: int) -> Score:
    """1 where q(z_l | x, z_>l) says no more than p(z_l | z_>l): its latents may move, but by what is above alone."""
    note = None
    if rate < min_rate:
        note = (
            f"{level.replace('_', ' ')} says nothing of an image that is not said above it: its rate is "
            f"{rate:.3f} nats. Try a longer warm-up (beta_schedule=warmup), a lower beta or fewer levels "
            "(structure.levels)"
        )
    return Score(float(rate < min_rate), None, n, 1, note=note)


def _underfitted(view, part, images: int, collapsed: bool) -> Score:
    rows = np.unique(np.linspace(0, len(part) - 1, min(images, len(part))).astype(int))
    signs = [] if collapsed or view.data_kind == "real" else _dim(view, part, rows)
    signs += _rising(view.history)
    if not signs:
        return Score(0.0, None, len(rows))
    epochs = len(view.history.get("epoch", ()))
    longer = f"longer (vaelab resume, trainer.epochs={2 * epochs})" if epochs else "longer"
    return Score(1.0, None, len(rows), note=f"{' and '.join(signs)}: train {longer}, with a higher "
                 "trainer.learning_rate or a larger net")  # fmt: skip


def _dim(view, part, rows) -> list[str]:
    """A sign, where no pixel of any reconstruction is half as bright as the brightest of the images."""
    decoded = view.decode(part.mean[rows], *part.given(rows))
    there, made = (max(float(np.max(v)) for v in views) for views in (part.images(rows), decoded))
    return [f"the decoder makes nothing brighter than {made:.2f}, images reach {there:.2f}"] if made < there / 2 else []


def _rising(history) -> list[str]:
    """A sign, where the mean elbo of the last tenth of the epochs lies well above that of the tenth before."""
    for name in ("val/elbo", "train/elbo"):
        curve = np.array([np.nan if v is None else v for v in history.get(name, ())], float)
        curve = curve[np.isfinite(curve)]
        if len(curve) > 1:
            tenth = max(1, len(curve) // 10)
            last = curve[-tenth:].mean()
            gain = last - curve[-2 * tenth : -tenth].mean()
            over = "the last epoch" if tenth == 1 else f"the last {tenth} epochs"
            fast = gain > max(LEAST_GAIN, RISING * (last - curve[0]))
            return [f"{name} still rose by {gain:.1f} nats over {over}"] if fast else []
    return []


def _mismatch(view, split: str, images: int, limit: float) -> Score:
    """KL(q(z) || p(z)), by the aggregate posterior or bounded from below by its first two moments."""
    part = view.split(split)
    value, n, how = None, len(part), None
    if view.prior.gaussian:
        value, how = _moment_bound(part.mean, part.std, view.prior), "at least: from mean and covariance of q(z)"
    if view.closed_form:
        q = aggregate(view, split, images, metric="collapse")
        log_q = q.log_density()
        settled = np.mean(q.log_conditional() - log_q) < math.log(len(log_q)) - NEAR
        if settled or value is None:
            n, how = len(log_q), q.note if settled else noted("I(x; z) is saturated: an upper bound", q.note)
            value = float(np.mean(log_q - q.log_prior))
    elif value is None:
        how = "not estimated: neither q(z|x) nor p(z) is a Gaussian; see metric=knn_aggregate"
    advice = (
        f"above {limit:g} nats: samples from the prior fall where few images are encoded. Try a higher beta, "
        "or fit a prior to the codes (vaelab fit-prior)"
    )
    return Score(value, None, n, 1, noted(advice if value is not None and value > limit else None, how))


def _moment_bound(mean: np.ndarray, std: np.ndarray, prior) -> float:
    """KL(N(m, S) || p(z)) for mean m and covariance S of q(z) and a Gaussian p(z): no density with these moments is
    nearer."""
    mean, std = (np.asarray(mean, np.float64) - prior.mean) / prior.std, np.asarray(std, np.float64) / prior.std
    m, centred = mean.mean(axis=0), mean - mean.mean(axis=0)
    covariance = centred.T @ centred / len(mean) + np.diag(np.mean(std**2, axis=0))
    eigenvalues = np.maximum(np.linalg.eigvalsh(covariance), 1e-12)
    return float(0.5 * (m @ m + np.sum(eigenvalues - 1 - np.log(eigenvalues))))
