import numpy as np
import pytest

from vaelab.metrics.collapse import collapse

SETTINGS = {"split": "test", "threshold": 0.01, "min_rate": 0.5, "max_mismatch": 3.0, "images": 1000}


def codes(n=1500, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_a_collapsed_code_is_called_so(code_view):
    scores = collapse(code_view(1e-3 * codes(), 1.0), **SETTINGS)
    assert scores["collapsed"].value == 1 and "warm-up" in scores["collapsed"].note
    assert scores["dead_latents"].value == 4
    assert scores["prior_mismatch"].value == pytest.approx(0, abs=0.02) and scores["prior_mismatch"].note is not None


def test_a_healthy_code_gets_no_advice(code_view):
    scores = collapse(code_view(0.8 * codes(), 0.6), **SETTINGS)
    assert scores["collapsed"].value == 0 and scores["collapsed"].note is None and scores["dead_latents"].note is None
    assert "prior fall" not in scores["prior_mismatch"].note


def test_one_unused_latent_is_no_collapse(code_view):
    scores = collapse(code_view(codes() * [1, 1, 0, 1], [0.3, 0.3, 1.0, 0.3]), **SETTINGS)
    assert scores["collapsed"].value == 0 and "latents 2 of 4" in scores["dead_latents"].note


def test_still_means_with_a_large_rate_are_no_collapse(code_view):
    scores = collapse(code_view(np.zeros((1500, 4)), 1e-3), **SETTINGS)
    assert scores["collapsed"].value == 0 and "see nll" in scores["dead_latents"].note


def test_saturation_alone_warns_of_nothing(code_view):
    """Sharp codes spread as the prior: I(x; z) sits at log N, the moments match."""
    scores = collapse(code_view(codes(), 1e-4), **SETTINGS)
    assert scores["prior_mismatch"].value < 0.1 and "prior fall" not in scores["prior_mismatch"].note


def test_codes_far_from_the_prior_are_warned_of(code_view):
    scores = collapse(code_view(10 * codes(), 1e-2), **SETTINGS)
    assert scores["prior_mismatch"].value > 100 and "prior fall" in scores["prior_mismatch"].note


def test_implicit_posteriors_are_checked_by_moments(code_view):
    """A critic may call any rate zero: it is not asked."""
    view = code_view(codes(), closed_form=False)
    view.split("test").rate = None
    scores = collapse(view, **SETTINGS)
    assert scores["collapsed"].value == 0 and "at least" in scores["prior_mismatch"].note
    view = code_view(1e-3 * codes(), 1.0, closed_form=False)
    assert collapse(view, **SETTINGS)["collapsed"].value == 1
