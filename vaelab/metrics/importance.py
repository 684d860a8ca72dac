"""What the weights of importance sampling say of log p(x) and of the error of its estimate."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

ENOUGH = 100  # draws from which on there are twenty in the tail, enough to fit it
_MOST = 0.7  # k-hat up to which an average of weights can be trusted
_FRACTION = 0.9  # of the images that must stay below it
_ROUNDING = 1e-3  # weights that differ by less, relative to the largest, are equal
_SCATTER = 1.0  # nats, standard deviation of log weights up to which a few of them tell their error


class Weighed(NamedTuple):
    """Of each image, (N,), from S draws z ~ r(z) with weights w = p(x, z) / r(z).

    Attributes:
        log_p: log 1/S sum w, in nats; its expectation is at most log p(x).
        log_p_of_half: the same from S // 2 draws, averaged over the groups of them.
        ess: effective sample size, (sum w)^2 / sum w^2, 1 to S.
        khat: shape of the generalised Pareto distribution that fits the largest weights; nan for fewer than 100 draws.
        variance: of log w, nats^2; nan for one draw.
    """

    log_p: np.ndarray
    log_p_of_half: np.ndarray
    ess: np.ndarray
    khat: np.ndarray
    variance: np.ndarray


class Verdict(NamedTuple):
    """Of the mean of -log p(x) over images.

    Attributes:
        error: standard error due to the draws alone, in nats; None where it cannot be told.
        khat: the value that 90 % of the images stay below; None for fewer than 100 draws.
        doubt: why the mean is but a bound, in a few words; None where it is settled.
        reason: the same in full.
    """

    error: float | None
    khat: float | None
    doubt: str | None
    reason: str | None


def weigh(log_weights: np.ndarray) -> Weighed:
    """Log weights (S, N), in nats -> what they say of each image."""
    s, n = log_weights.shape
    enough = s >= ENOUGH
    return Weighed(
        log_mean(log_weights, s),
        log_mean(log_weights, max(1, s // 2)),
        np.exp(2 * log_sum(log_weights) - log_sum(2 * log_weights)),
        pareto_khat(log_weights) if enough else np.full(n, np.nan),
        log_weights.var(axis=0, ddof=1) if s > 1 else np.full(n, np.nan),
    )


def log_sum(log_weights: np.ndarray, axis: int = 0) -> np.ndarray:
    """log of the sum of weights along an axis; scipy's returns signs beside it where they are asked for."""
    return np.asarray(logsumexp(log_weights, axis=axis))


def log_mean(log_weights: np.ndarray, k: int) -> np.ndarray:
    """log of the mean of k weights, averaged over the S // k groups of them, (N,)."""
    groups = len(log_weights) // k
    return (log_sum(log_weights[: groups * k].reshape(groups, k, -1), axis=1) - math.log(k)).mean(axis=0)


def concatenated(pieces: list[Weighed]) -> Weighed:
    """Pieces of the images one after another."""
    return Weighed(*map(np.concatenate, zip(*pieces)))


def judged(found: Weighed, draws: int, tolerance: float = math.inf) -> Verdict:
    """Whether the mean over the images is settled, and its error.

    With 100 draws or more it is settled where k-hat <= 0.7, up to which an average of such weights can be trusted, for
    nine images of ten; with fewer, which show no tail, where log weights scatter by no more than a nat about their
    image's mean. In both cases it must not fall by more than `tolerance` from S/2 to S draws.

    The error is the root of two squares: that of the averages of weights by the delta method,
    sum_i (1 / ess_i - 1 / S) S / (S - 1) / N^2, and that of the bias, log E w - E log mean w, which falls as 1 / S, so
    that the fall from S/2 to S draws is what remains.

    Args:
        found: of the images.
        draws: S.
        tolerance: nats.

    References:
        Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, section 3.
    """
    fall = float(np.mean(found.log_p - found.log_p_of_half))
    signs, doubt, khat = [], None, None
    if fall > tolerance:
        doubt = f"falls by {fall:.2f}"
        signs.append(f"it falls by {fall:.2f} nats from {draws // 2} to {draws} draws")
    if draws >= ENOUGH:
        khat = float(np.quantile(found.khat, _FRACTION))
        if khat > _MOST:
            doubt = f"k-hat {khat:.2g}"
            signs.insert(0, f"k-hat is above {_MOST} for {np.mean(found.khat > _MOST):.0%} of the images")
    elif draws > 1:
        scatter = math.sqrt(found.variance.mean())
        if scatter > _SCATTER:
            doubt = f"scatter {scatter:.1f}"
            signs.insert(0, f"the {draws} log weights of an image scatter by {scatter:.1f} nats")
    else:
        doubt = "1 draw"
        signs.insert(0, "one draw shows no error")
    if doubt:
        return Verdict(None, khat, f"not settled ({doubt}): a bound", " and ".join(signs))
    noise = np.maximum(1 / found.ess - 1 / draws, 0) * draws / (draws - 1)
    return Verdict(math.hypot(math.sqrt(noise.sum()) / len(noise), fall), khat, None, None)


def pareto_khat(log_weights: np.ndarray) -> np.ndarray:
    """Shape k of the tail of each column of weights, (S, N) -> (N,): weights have about 1 / k finite moments.

    The generalised Pareto distribution of the M = min(S / 5, 3 sqrt S) largest weights less the next one; its
    reparameterisation theta = -k / scale is averaged over a grid by its profile likelihood, and k is drawn towards 1/2
    as ten more draws would do.

    References:
        Zhang & Stephens (2009); Vehtari et al. (2024), appendices C and G.
    """
    s = len(log_weights)
    m = math.ceil(min(0.2 * s, 3 * math.sqrt(s)))
    largest = np.sort(np.partition(log_weights, s - m - 1, axis=0)[s - m - 1 :], axis=0)
    weights = np.exp(largest - largest[-1])
    equal = weights[0] > 1 - _ROUNDING
    excess = np.where(equal, np.arange(1, m + 1)[:, None], weights[1:] - weights[0])  # (M, N); of the equal ones: any
    grid = 30 + int(math.sqrt(m))
    quartile = np.maximum(excess[int(m / 4 + 0.5) - 1], 1e-300)
    steps = (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / 3
    theta = 1 / excess[-1] + steps[:, None] / quartile  # (grid, N)
    k = np.stack([_shape(t, excess) for t in theta])
    log_profile = m * (np.log(-theta / k) - k - 1)
    mean = np.sum(theta * np.exp(log_profile - log_sum(log_profile)), axis=0)
    return np.where(equal, 0.0, (m * _shape(mean, excess) + 10 * 0.5) / (m + 10))


def _shape(theta: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """The k of greatest likelihood given theta, (N,)."""
    return np.log1p(-theta * excess).mean(axis=0)
