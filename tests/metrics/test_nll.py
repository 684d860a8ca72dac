import numpy as np
import pytest

from vaelab.metrics.nll import nll

PLAIN = {"split": "test", "samples": 1000, "curve": [1, 10, 100], "images": None, "widen": 1.0, "tolerance": 0.1}


@pytest.mark.parametrize("widen", [1.0, 1.4])
def test_it_agrees_with_the_exact_value_within_its_error(linear_gaussian, widen):
    view = linear_gaussian()
    scores = nll(view, **{**PLAIN, "widen": widen})
    exact = -view.exact(view.split("test").images()).mean()
    error = scores["nll_is1000_mc_error"].value
    assert 0 < error < 0.05
    assert abs(scores["nll_is1000"].value - exact) < 4 * error
    assert scores["nll_is1000"].note is None


def test_an_exact_posterior_needs_one_sample(linear_gaussian):
    view = linear_gaussian(latents=1)  # one latent: no correlation is missed
    scores = nll(view, **{**PLAIN, "samples": 2})
    assert scores["nll_is2"].value == pytest.approx(-view.exact(view.split("test").images()).mean(), abs=1e-4)
    assert scores["nll_is2_ess"].value == pytest.approx(2, abs=1e-4)


def test_the_curve_falls_from_the_elbo_to_the_exact_value(linear_gaussian):
    view = linear_gaussian()
    scores = nll(view, **PLAIN)
    values = [scores[f"nll_is{k}"].value for k in (1, 10, 100, 1000)]
    assert values == sorted(values, reverse=True)
    part = view.split("test")
    draws = view.posterior_samples("test", 2000)
    elbo = view.log_prob(part.images(), draws).mean() - part.rate.mean()
    assert values[0] == pytest.approx(-elbo, abs=0.1)
    assert scores["nll_is10"].samples == 10


def test_an_unsettled_estimate_is_said_to_be_one(linear_gaussian):
    scores = nll(linear_gaussian(s=0.05, widen=20.0, shift=0.3), **{**PLAIN, "samples": 60})
    assert "not settled" in scores["nll_is60"].note and "metric=ais" in scores["nll_is60"].note


def test_the_number_of_images_is_stated(linear_gaussian):
    score = nll(linear_gaussian(), **{**PLAIN, "images": 7})["nll_is1000"]
    assert score.n == 7 and "7 of 40 test images" in score.note


def test_chunks_change_nothing_but_the_draws(linear_gaussian, monkeypatch):
    view = linear_gaussian()
    whole = nll(view, **PLAIN)
    monkeypatch.setattr("vaelab.metrics.nll._CODES_PER_CALL", 3000)
    monkeypatch.setattr("vaelab.metrics.nll._SAMPLES_PER_CALL", 170)
    pieces = nll(view, **PLAIN)
    error = whole["nll_is1000_mc_error"].value
    assert abs(pieces["nll_is1000"].value - whole["nll_is1000"].value) < 5 * error


def test_an_implicit_posterior_is_sampled_through_its_moments(linear_gaussian):
    view = linear_gaussian()
    view.closed_form = False
    score = nll(view, **PLAIN)["nll_is1000"]
    assert "moments" in score.note and score.value == pytest.approx(
        -view.exact(view.split("test").images()).mean(), abs=0.1
    )


def test_bits_only_for_probabilities(linear_gaussian):
    view = linear_gaussian()
    assert not any(name.startswith("bits") for name in nll(view, **PLAIN))
    view.discrete = True
    scores = nll(view, **PLAIN)
    assert scores["bits_per_dim_is1000"].value == pytest.approx(scores["nll_is1000"].value / (6 * np.log(2)))
