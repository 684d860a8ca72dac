"""How much better the image's own posterior is than the encoder's."""

import numpy as np

from vaelab.config.types import PositiveFloat, PositiveInt
from vaelab.errors import NotApplicable

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


def likelihood_regret(view, *, steps: PositiveInt, samples: PositiveInt, learning_rate: PositiveFloat):
    """max over Gaussians q of elbo(x; q) - elbo(x; the encoder's q), in nats; larger is stranger, never negative.

    Adam climbs from the encoder's mean and log std, all images of a batch at once; the ELBO is that of `samples` pairs
    z = mean +- std eps with fixed eps, the best of all steps counts. It costs 2 x steps x samples passes through the
    decoder with gradients, some hundred times as much as an ELBO. (The paper optimises the encoder's weights for
    each image; here q's parameters themselves.)

    Args:
        steps: of Adam.
        samples: pairs of draws.
        learning_rate: Adam's.

    References:
        Xiao, Yan & Amit (2020), Likelihood regret: an out-of-distribution detection score for variational auto-encoder.
    """
    _closed_form(view)
    eps = view.rng("metrics", 20_2003, samples).standard_normal((samples, 1, view.latent_dim))
    eps = np.concatenate([eps, -eps])

    def score(seen):
        at = np.concatenate([seen.mean, np.log(seen.std)], axis=1).astype(np.float64)
        first, second = np.zeros_like(at), np.zeros_like(at)
        start, gradient = _elbo(seen, at, eps)
        best = start
        for step in range(1, steps + 1):
            first += (1 - _BETAS[0]) * (gradient - first)
            second += (1 - _BETAS[1]) * (gradient**2 - second)
            scaled = np.sqrt(second / (1 - _BETAS[1] ** step)) + _EPSILON
            at = at + learning_rate * first / (1 - _BETAS[0] ** step) / scaled
            value, gradient = _elbo(seen, at, eps)
            best = np.fmax(best, value)
        return best - start

    return score


def _elbo(seen, at: np.ndarray, eps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ELBO but for a constant (N,), its gradient (N, 2 D)) at mean and log std (N, 2 D), with noise (S, 1, D)."""
    mean, log_std = np.split(at, 2, axis=1)
    std = np.exp(log_std)
    value, gradient = log_std.sum(axis=1), np.concatenate([np.zeros_like(mean), np.ones_like(mean)], axis=1)
    for noise in eps:
        joint, slope = seen.grad_log_joint(mean + std * noise)
        value = value + joint.astype(np.float64) / len(eps)
        gradient += np.concatenate([slope, slope * std * noise], axis=1) / len(eps)
    return value, gradient


def _closed_form(view, **_) -> None:
    if not view.closed_form:
        raise NotApplicable(
            "score=likelihood_regret moves mean and deviation of a Gaussian q(z|x), and this run's is none."
        )


likelihood_regret.needs = _closed_form
