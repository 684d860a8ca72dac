"""N(0, I): its closed forms against scipy, and every number of a view against a prior that has none."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from vaelab.priors.standard import Standard
from vaelab.view.prior_view import NumpyPrior


class Bare:
    """N(mean, std^2) that offers what a prior must have, no more."""

    def __init__(self, mean, std):
        self._mean, self._std = np.asarray(mean, float), np.asarray(std, float)

    def log_prob(self, z):
        from keras import ops

        from vaelab.compute.normal_ops import log_normal

        mean, std = (ops.convert_to_tensor(a, "float32") for a in (self._mean, self._std))
        return ops.sum(log_normal(z, mean, std, ops.log(std)), axis=-1)

    def sample(self, n, rng):
        return self._mean + self._std * rng.standard_normal((n, len(self._mean)))


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)


def test_density(z):
    prior, expected = Standard(latent_dim=3), stats.norm.logpdf(z).sum(axis=-1)
    from keras import ops

    np.testing.assert_allclose(prior.log_density(z.astype(np.float64)), expected, rtol=1e-12)
    np.testing.assert_allclose(ops.convert_to_numpy(prior.log_prob(ops.convert_to_tensor(z))), expected, rtol=1e-5)
    eps = np.random.default_rng(1).normal(size=z.shape)
    np.testing.assert_allclose(prior.log_ratio(z, eps), expected - stats.norm.logpdf(eps).sum(axis=-1), atol=1e-12)


def test_rate_is_the_integral(z):
    mean, std = z[0].astype(np.float64), np.exp(z[1].astype(np.float64))
    grid = np.linspace(-60, 60, 200_001)[:, None, None]
    q = stats.norm(mean[:2], std[:2])
    density = q.pdf(grid)
    integral = np.trapezoid(density * (q.logpdf(grid) - stats.norm.logpdf(grid)), grid[:, 0, 0], axis=0)
    prior = Standard(latent_dim=3)
    np.testing.assert_allclose(prior.rate_of_moments(mean, std)[:2], integral, rtol=1e-6)
    from keras import ops

    q = SimpleNamespace(mean=ops.convert_to_tensor(mean), std=ops.convert_to_tensor(std), log_std=ops.log(std))
    np.testing.assert_allclose(ops.convert_to_numpy(prior.rate(q)), prior.rate_of_moments(mean, std), rtol=1e-5)


def test_quantiles_and_draws():
    prior = Standard(latent_dim=2)
    np.testing.assert_allclose(prior.quantiles(np.array([0.05, 0.5])), [[-1.644854] * 2, [0] * 2], atol=1e-6)
    drawn = prior.sample(100_000, np.random.default_rng(0))
    assert drawn.shape == (100_000, 2)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(2), atol=0.02)


def test_a_prior_without_closed_forms_is_shown_by_its_draws(z):
    """N(m, s^2) through the same door once with every closed form and once with density and draws alone."""
    mean, std = [1.0, -2.0, 0.0], [0.5, 2.0, 1.0]
    bare = NumpyPrior(Bare(mean, std), 3, lambda: np.random.default_rng(0))
    expected = stats.norm(mean, std)
    np.testing.assert_allclose(bare.log_density(z), expected.logpdf(z).sum(axis=-1), rtol=1e-4)
    np.testing.assert_allclose(bare.mean, mean, atol=0.1)
    np.testing.assert_allclose(bare.std, std, rtol=0.05)
    np.testing.assert_allclose(bare.quantiles([0.1, 0.9]), expected.ppf([[0.1], [0.9]]), atol=0.1)
    ratio = expected.logpdf(z).sum(axis=-1) - stats.norm.logpdf(z + 1).sum(axis=-1)
    np.testing.assert_allclose(bare.log_ratio(z, z + 1), ratio, rtol=1e-4, atol=1e-4)
    assert bare.rate_of_moments(z[0], np.exp(z[0])) is None and not bare.gaussian and not bare.factorised


def test_latents_without_number_take_no_memory_before_the_networks_refuse_them():
    assert Standard(latent_dim=10**12).std.shape == (10**12,)
