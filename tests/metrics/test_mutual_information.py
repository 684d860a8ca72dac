import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics.aggregate import Aggregate
from vaelab.metrics.mutual_information import mutual_information


def test_a_gaussian_channel(code_view):
    """q(z) = N(0, 1): I(x; z) = -log s and KL(q(z) || p(z)) = 0."""
    s = 0.5
    mean = np.sqrt(1 - s**2) * np.random.default_rng(0).normal(size=(4000, 1))
    scores = mutual_information(code_view(mean, s), split="test", images=None)
    assert scores["mutual_information"].value == pytest.approx(np.log(2), abs=0.03)
    assert scores["kl_aggregate"].value == pytest.approx(0, abs=0.02)
    assert "saturated" not in scores["mutual_information"].note


def test_the_two_sum_to_the_rate(code_view):
    view = code_view(np.random.default_rng(0).normal(size=(3000, 3)), [0.3, 1.0, 2.0])
    scores = mutual_information(view, split="test", images=None)
    total = scores["mutual_information"].value + scores["kl_aggregate"].value
    assert total == pytest.approx(view.split("test").rate.mean(), abs=0.1)


def test_saturation_at_log_n_is_said(code_view):
    view = code_view(np.random.default_rng(0).normal(size=(500, 4)), 1e-3)
    scores = mutual_information(view, split="test", images=300)
    assert scores["mutual_information"].value == pytest.approx(np.log(300), abs=1e-3)
    assert "saturated" in scores["mutual_information"].note and "saturated" in scores["kl_aggregate"].note
    assert scores["mutual_information"].n == 300 and "300 of 500" in scores["mutual_information"].note


def test_a_collapsed_code_tells_nothing(code_view):
    scores = mutual_information(code_view(np.zeros((400, 2)), 1.0), split="test", images=None)
    assert scores["mutual_information"].value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("std", [1e-6, 1e-9])
def test_codes_far_apart_and_very_narrow(std):
    """No two overlap, so that q(z_i) = q(z_i|x_i) / N to the last digit; a squared difference must not cancel."""
    rng = np.random.default_rng(0)
    mean = 300 * rng.normal(size=(200, 3))
    found = Aggregate(
        mean + std * rng.normal(size=mean.shape), mean, np.full(mean.shape, std), np.zeros(len(mean)), None
    )
    np.testing.assert_allclose(found.log_density(), found.log_conditional() - np.log(200), atol=1e-6)


def test_implicit_posteriors_are_sent_to_knn(code_view):
    with pytest.raises(ConfigError, match="knn_aggregate"):
        mutual_information(code_view(np.zeros((5, 2)), closed_form=False), split="test", images=None)
