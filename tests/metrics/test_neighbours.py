import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics import neighbours
from vaelab.metrics.elbo_knn import elbo_knn
from vaelab.metrics.knn_aggregate import knn_aggregate
from vaelab.priors.standard import Standard

AGGREGATE = {"split": "test", "k": 3, "cross_entropy": "analytic", "images": None}
RATE = {"split": "test", "k": 3, "draws": 400, "cross_entropy": "analytic", "images": None}


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_formulas_are_those_of_the_reference():
    q, p, k = normal(7, 2), normal(9, 2, 1), 2
    within = np.sort(np.linalg.norm(q[:, None] - q, axis=-1), axis=1)[:, k]
    across = np.sort(np.linalg.norm(q[:, None] - p, axis=-1), axis=1)[:, k - 1]
    psi = 1 - 0.57721566490153286  # digamma(2)
    entropy = np.log(6) - psi + np.log(np.pi) + 2 * np.log(within).mean()
    assert neighbours.entropy(q, k).value == pytest.approx(entropy)
    cross = np.log(np.pi) + np.log(9) - psi + 2 * np.log(across).mean()
    assert neighbours.cross_entropy(q, p, k).value == pytest.approx(cross)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_entropy_and_cross_entropy_of_gaussians(d):
    q, p = 0.5 * normal(6000, d), normal(6000, d, 1)
    exact = 0.5 * d * np.log(2 * np.pi * np.e * 0.25)
    assert neighbours.entropy(q, 3).value == pytest.approx(exact, abs=0.1)
    exact = 0.5 * d * (np.log(2 * np.pi) + 0.25)
    assert neighbours.cross_entropy_to_prior(q, Standard(latent_dim=q.shape[1])).value == pytest.approx(exact, abs=0.05)
    assert neighbours.cross_entropy(q, p, 3).value == pytest.approx(exact, abs=0.1)


def test_equal_points_stay_finite_and_are_told():
    estimate = neighbours.entropy(np.zeros((50, 2)), 3)
    assert np.isfinite(estimate.value) and estimate.equal == 1
    assert "no meaning" in neighbours.doubts(2, 1.0) and "biased in 8" in neighbours.doubts(8, 0.0)
    assert neighbours.doubts(2, 0.0) is None


@pytest.mark.parametrize("cross_entropy", ["analytic", "neighbours"])
def test_aggregate_kl_of_a_shifted_gaussian(code_view, cross_entropy):
    view = code_view(np.sqrt(0.75) * normal(5000, 2) + [1.0, 0.0], 0.5, closed_form=False)
    scores = knn_aggregate(view, **{**AGGREGATE, "cross_entropy": cross_entropy})
    assert scores["kl_aggregate_knn"].value == pytest.approx(0.5, abs=0.1)
    assert scores["entropy_aggregate_knn"].value == pytest.approx(np.log(2 * np.pi * np.e), abs=0.1)


@pytest.mark.parametrize("cross_entropy", ["analytic", "neighbours"])
def test_the_rate_from_draws_is_the_closed_one(code_view, cross_entropy):
    view = code_view(normal(60, 2), [0.4, 1.0])
    scores = elbo_knn(view, **{**RATE, "cross_entropy": cross_entropy})
    part = view.split("test")
    assert scores["rate_knn"].value == pytest.approx(part.rate.mean(), abs=0.15)
    draws = view.posterior_samples("test", 400)
    expected = view.log_prob(part.images(), draws).mean() - scores["rate_knn"].value
    assert scores["elbo_knn"].value == pytest.approx(expected, rel=1e-5)
    assert scores["elbo_knn"].samples == 400


def test_too_few_points_are_refused(code_view):
    view = code_view(normal(3, 2))
    with pytest.raises(ConfigError, match="more than 3 images"):
        knn_aggregate(view, **AGGREGATE)
    with pytest.raises(ConfigError, match="more than 3 draws"):
        elbo_knn(view, **{**RATE, "draws": 3})
