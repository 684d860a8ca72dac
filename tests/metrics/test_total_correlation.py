import numpy as np
import pytest

from vaelab.metrics.aggregate import aggregate
from vaelab.metrics.total_correlation import total_correlation


def test_correlated_gaussians(code_view):
    """q(z) = N(0, S): TC = -1/2 log det of the correlation matrix."""
    rho, s = 0.8, 0.3
    covariance = np.array([[1, rho], [rho, 1]])
    root = np.linalg.cholesky(covariance - s**2 * np.eye(2))
    mean = np.random.default_rng(0).normal(size=(3000, 2)) @ root.T
    scores = total_correlation(code_view(mean, s), split="test", images=None)
    assert scores["total_correlation"].value == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.06)
    assert scores["kl_dimensionwise"].value == pytest.approx(0, abs=0.02)


def test_independent_latents_have_none(code_view):
    mean = np.random.default_rng(0).normal(size=(2000, 2))
    scores = total_correlation(code_view(mean, 0.5), split="test", images=1500)
    assert scores["total_correlation"].value == pytest.approx(0, abs=0.05)
    assert scores["total_correlation"].n == 1500


def test_a_coarse_aggregate_is_said_to_be_one(code_view):
    mean = np.random.default_rng(0).normal(size=(300, 6))
    assert (
        "upper bound" in total_correlation(code_view(mean, 1e-3), split="test", images=None)["total_correlation"].note
    )


def test_densities_are_the_mixtures(code_view, monkeypatch):
    monkeypatch.setattr("vaelab.metrics.aggregate._PAIRS_PER_CALL", 35)
    rng = np.random.default_rng(0)
    q = aggregate(
        code_view(100 + rng.normal(size=(12, 2)), rng.uniform(0.01, 1, size=(12, 2))), "test", None, metric=""
    )
    terms = np.exp(-0.5 * ((q.z[:, None] - q.mean) / q.std) ** 2) / (np.sqrt(2 * np.pi) * q.std)  # (i, j, d)
    np.testing.assert_allclose(q.log_density(), np.log(terms.prod(axis=2).mean(axis=1)), rtol=1e-8)
    np.testing.assert_allclose(q.log_marginals(), np.log(terms.mean(axis=1)), rtol=1e-8)
    np.testing.assert_allclose(q.log_conditional(), np.log(np.diagonal(terms.prod(axis=2))), rtol=1e-8)
