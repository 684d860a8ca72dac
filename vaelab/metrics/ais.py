"""The negative log-likelihood of images by annealed importance sampling, and bounds on its error."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp

from vaelab.config.types import Fraction, PositiveFloat, PositiveInt, Split, TwoOrMore
from vaelab.metrics import importance
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset
from vaelab.system import memory

_CODES_PER_CALL = 4000
_ADAPTATION = 0.1  # change of log(step size) per unit of missed acceptance
_JITTER = 0.2  # trajectories of one length can close on themselves


def ais(
    view,
    *,
    split: Split,
    images: PositiveInt | None,
    chains: PositiveInt,
    temperatures: TwoOrMore,
    leapfrog_steps: PositiveInt,
    step_size: PositiveFloat,
    acceptance: Fraction,
    pilot_chains: PositiveInt,
    bdmc: bool,
) -> dict[str, Score]:
    """-log p(x) in nats per image, key `nll_ais`: an upper bound in expectation, far tighter than few-sample nll.

    Chains start from the Gaussian r(z) with the moments of q(z|x) and move along r(z)^(1-t) p(x, z)^t to the joint, t
    on a sigmoid grid, with one Hamiltonian Monte Carlo move per temperature in coordinates scaled by r's deviations.
    Step sizes are tuned to the wanted acceptance, image by image and temperature by temperature, on pilot chains of
    their own, each from the acceptance at the temperature before; the chains that count then use them as fixed
    numbers. So nothing they do depends on their own past, and 1/C sum_c w_c is an unbiased estimate of p(x).
    Beside it: `nll_ais_ess` (effective number of chains), `nll_ais_mc_error` (error of the mean due to the chains
    alone, its bias included, None where it is not settled: `importance.judged`), `ais_acceptance`. Where the chains
    disagree the number is a bound: `doubt` and a note say so.

    With `bdmc`, images simulated from the model, whose z is an exact posterior draw, are annealed both ways:
    `ais_bdmc_lower` <= E log p(x) <= `ais_bdmc_upper` in expectation, and `ais_bdmc_gap`, their difference, bounds the
    error of this setting on such images.

    Args:
        images: how many images; null for the whole split.
        chains: independent chains per image.
        temperatures: steps of t from 0 to 1.
        leapfrog_steps: per move.
        step_size: where the tuning starts, in units of r's standard deviation.
        acceptance: the rate wanted.
        pilot_chains: chains per image that tune the step sizes.
        bdmc: also bound the error from both sides.

    References:
        Neal (2001); Wu, Burda, Salakhutdinov & Grosse (2017); Grosse, Ancha & Roy (2016) for the two bounds.
    """
    rows, some = subset(view, split, images)
    part, rng = view.split(split), stream(view, "ais", split)
    plan = _Plan(_grid(temperatures), leapfrog_steps, step_size, acceptance, chains, pilot_chains)
    results = []
    for chosen in _chunks(rows, chains):
        path = _Path(view, part.inputs(chosen), part.mean[chosen], part.std[chosen])
        results.append(_forward(path, plan, rng))
    log_weights = np.concatenate([r.log_weights for r in results], axis=1)  # (C, N)
    accepted = float(np.mean(np.concatenate([r.accepted for r in results], axis=1)))
    found = importance.weigh(log_weights)
    verdict = importance.judged(found, chains)
    warning = verdict.reason and f"not settled: {verdict.reason}; raise metrics.ais.temperatures or chains"
    setting = (
        f"{temperatures} temperatures, {leapfrog_steps} leapfrog steps, step sizes from {pilot_chains} pilot chains"
    )
    more = {"samples": chains, "note": some}
    scores = {
        "nll_ais": mean_score(
            -found.log_p, rows, samples=chains, note=noted(warning, setting, some), doubt=verdict.doubt
        ),
        "nll_ais_ess": mean_score(found.ess, **more),
        "ais_acceptance": Score(accepted, None, len(rows), **more),
    }
    if verdict.khat is not None:
        scores["nll_ais_khat"] = Score(verdict.khat, None, len(rows), **more)
    scores["nll_ais_mc_error"] = Score(verdict.error, None, len(rows), doubt=verdict.doubt, **more)
    return scores | (_bounds(view, split, len(rows), plan) if bdmc else {})


def _bounds(view, split: str, n: int, plan: "_Plan") -> dict[str, Score]:
    """Bidirectional Monte Carlo on n images simulated from the model."""
    rng = stream(view, "bdmc", split)
    z = view.sample_prior(n, rng).astype(np.float32)  # z ~ p(z)
    given = view.sample_given(n, rng)
    inputs = (*view.simulate(z, rng, *given), *given)  # x ~ p(x|z), so z ~ p(z|x)
    mean, std = view.encode(inputs)
    lower, upper = np.empty(n), np.empty(n)
    for chosen in _chunks(np.arange(n), plan.chains):
        path = _Path(view, tuple(v[chosen] for v in inputs), mean[chosen], std[chosen])
        forth = _forward(path, plan, rng)
        start = np.broadcast_to(path.standardised(z[chosen]), (plan.chains, *z[chosen].shape))
        back = _anneal(path, plan.grid[::-1], start, forth.steps[::-1], plan, rng)
        lower[chosen] = logsumexp(forth.log_weights, axis=0) - math.log(plan.chains)
        upper[chosen] = math.log(plan.chains) - logsumexp(back.log_weights, axis=0)
    note = "log p(x) of images simulated from the model, in expectation between the two"
    return {
        "ais_bdmc_lower": mean_score(lower, samples=plan.chains, note=note),
        "ais_bdmc_upper": mean_score(upper, samples=plan.chains, note=note),
        "ais_bdmc_gap": mean_score(upper - lower, samples=plan.chains, note=note),
    }


class _Plan(NamedTuple):
    grid: np.ndarray  # temperatures, 0 to 1
    leapfrog_steps: int
    step_size: float
    acceptance: float
    chains: int
    pilot_chains: int


class _Annealed(NamedTuple):
    log_weights: np.ndarray  # (C, N)
    accepted: np.ndarray  # acceptance probability, (temperatures, N)
    steps: np.ndarray  # step sizes used, (temperatures, N)


class _Path:
    """The densities between r(z) and p(x, z) of N images, in coordinates u = (z - mean) / std: u (C, N, D)."""

    def __init__(self, view, inputs, mean, std):
        self.view, self.inputs, self._repeated = view, inputs, {}
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        self._constant = -np.log(self.std).sum(axis=1) - 0.5 * self.mean.shape[1] * math.log(2 * math.pi)

    def standardised(self, z):
        return (z - self.mean) / self.std

    def joint(self, u):
        """log p(x, z), (C, N), and its gradient in u."""
        chains = len(u)
        z = (self.mean + self.std * u).astype(np.float32).reshape(-1, u.shape[-1])  # (C N, D)
        if chains not in self._repeated:
            self._repeated[chains] = tuple(np.concatenate([v] * chains) for v in self.inputs)
        value, gradient = self.view.grad_log_joint(self._repeated[chains], z)
        gradient = np.asarray(gradient, np.float64).reshape(u.shape) * self.std
        return np.asarray(value, np.float64).reshape(u.shape[:-1]), gradient

    def log_start(self, u):
        """log r(z), (C, N)."""
        return self._constant - 0.5 * np.sum(u * u, axis=-1)


def _forward(path: _Path, plan: _Plan, rng) -> _Annealed:
    """Pilot chains tune the step sizes, then the chains that count use them."""
    shape, most = path.mean.shape, max(plan.chains, plan.pilot_chains)
    memory.require(6 * 8 * most * math.prod(shape), f"metrics.ais: {most:,} chains of an image", "Ask for fewer.")
    pilot = _anneal(path, plan.grid, rng.standard_normal((plan.pilot_chains, *shape)), None, plan, rng)
    return _anneal(path, plan.grid, rng.standard_normal((plan.chains, *shape)), pilot.steps, plan, rng)


def _anneal(path: _Path, grid, u, steps, plan: _Plan, rng) -> _Annealed:
    """Chains along `grid` (either way), (C, N, D); steps (temperatures, N) or None to tune them on the way.

    log w = sum_k (t_k - t_(k-1)) (log p(x, z_(k-1)) - log r(z_(k-1))), each z_k from a move that leaves t_k's density.
    """
    value, gradient = path.joint(u)
    log_weights = np.zeros(u.shape[:2])
    log_step = np.full(u.shape[1], math.log(plan.step_size))
    used, accepted = [], []
    for k in range(1, len(grid)):
        log_weights += (grid[k] - grid[k - 1]) * (value - path.log_start(u))
        if k == len(grid) - 1:
            break
        step = np.exp(log_step) if steps is None else steps[k - 1]
        u, value, gradient, probability = _move(path, grid[k], u, value, gradient, step, plan.leapfrog_steps, rng)
        used.append(step)
        accepted.append(probability.mean(axis=0))
        log_step = log_step + _ADAPTATION * (accepted[-1] - plan.acceptance)
    shape = (len(used), u.shape[1])
    return _Annealed(log_weights, np.reshape(accepted, shape), np.reshape(used, shape))


def _move(path: _Path, t, u, value, gradient, step, leapfrog_steps: int, rng):
    """One Hamiltonian Monte Carlo move of every chain at temperature t; also the probability of acceptance (C, N)."""

    def log_density(value, u):
        return t * value - 0.5 * (1 - t) * np.sum(u * u, axis=-1)

    def force(gradient, u):
        return t * gradient - (1 - t) * u

    size = (step * rng.uniform(1 - _JITTER, 1 + _JITTER, u.shape[:2]))[..., None]
    momentum = rng.standard_normal(u.shape)
    before = log_density(value, u) - 0.5 * np.sum(momentum**2, axis=-1)
    new_u, new_value, new_gradient = u, value, gradient
    with np.errstate(over="ignore", invalid="ignore"):  # a trajectory that runs away is refused below
        momentum = momentum + 0.5 * size * force(gradient, u)
        for leap in range(leapfrog_steps):
            new_u = new_u + size * momentum
            new_value, new_gradient = path.joint(new_u)
            half = 0.5 if leap == leapfrog_steps - 1 else 1.0
            momentum = momentum + half * size * force(new_gradient, new_u)
        change = log_density(new_value, new_u) - 0.5 * np.sum(momentum**2, axis=-1) - before
    probability = np.exp(np.minimum(np.where(np.isfinite(change), change, -np.inf), 0.0))
    taken = rng.uniform(size=probability.shape) < probability
    return (
        np.where(taken[..., None], new_u, u),
        np.where(taken, new_value, value),
        np.where(taken[..., None], new_gradient, gradient),
        probability,
    )


def _grid(temperatures: int) -> np.ndarray:
    """0 = t_0 < ... < t_temperatures = 1, denser at both ends (sigmoid from -4 to 4, rescaled)."""
    s = expit(np.linspace(-4.0, 4.0, temperatures + 1))
    return (s - s[0]) / (s[-1] - s[0])


def _chunks(rows: np.ndarray, chains: int):
    step = max(1, _CODES_PER_CALL // chains)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
