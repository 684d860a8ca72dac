import itertools

import numpy as np
import pytest

from vaelab.metrics.nll import nll

PLAIN = {"split": "test", "samples": 1000, "curve": [1, 10, 100], "images": None, "widen": 1.0, "tolerance": 0.1}


@pytest.mark.parametrize("widen", [1.2, 1.4])
def test_it_agrees_with_the_exact_value_within_its_error(linear_gaussian, widen):
    view = linear_gaussian()
    scores = nll(view, **{**PLAIN, "widen": widen})
    exact = -view.exact(view.split("test").images()).mean()
    error = scores["nll_is1000_mc_error"].value
    assert 0 < error < 0.05
    assert abs(scores["nll_is1000"].value - exact) < 4 * error
    assert scores["nll_is1000"].note is None


def test_each_image_is_kept_with_its_number(linear_gaussian):
    rows, values = nll(linear_gaussian(), **{**PLAIN, "images": 15, "curve": []})["nll_is1000"].each
    every = nll(linear_gaussian(), **{**PLAIN, "curve": []})["nll_is1000"]
    assert len(rows) == len(set(rows)) == 15 and every.value == pytest.approx(every.each[1].mean())
    np.testing.assert_allclose(values, every.each[1][rows], atol=0.5)  # other draws, the same images
    assert np.corrcoef(values, every.each[1][rows])[0, 1] > 0.99


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
    scores = nll(linear_gaussian(s=0.05, widen=20.0, shift=0.3), **{**PLAIN, "samples": 160})
    score = scores["nll_is160"]
    assert score.doubt == f"not settled (k-hat {scores['nll_is160_khat'].value:.2g}): a bound"
    assert "not settled" in score.note and "metric=ais" in score.note
    assert scores["nll_is160_mc_error"].value is None and score.se > 0  # the error of the choice of images is known


@pytest.mark.parametrize("samples", [100, 1000])
def test_where_an_error_is_given_it_holds(linear_gaussian, samples):
    """Models whose log p(x) is known, from easy to hopeless: each error that is given holds, the hopeless have none."""
    ratios, doubtful = [], []
    for s, widen, shift in itertools.product((0.3, 0.7, 1.5), (1.0, 1.3), (0.0, 0.15, 0.5)):
        for latents in (2, 6):
            view = linear_gaussian(n=100, dims=2 * latents, latents=latents, s=s, widen=widen, shift=shift)
            scores = nll(view, **{**PLAIN, "samples": samples, "curve": []})
            off = scores[f"nll_is{samples}"].value + view.exact(view.split("test").images()).mean()
            if scores[f"nll_is{samples}"].doubt:
                doubtful.append(off)
            else:
                ratios.append(off / scores[f"nll_is{samples}_mc_error"].value)
    assert np.abs(ratios).max() < 4 and np.sqrt(np.mean(np.square(ratios))) < 1.4 and len(ratios) >= 10
    assert max(doubtful) > 5


def test_one_draw_is_a_bound(linear_gaussian):
    scores = nll(linear_gaussian(), **{**PLAIN, "samples": 1, "curve": []})
    assert scores["nll_is1"].doubt == "not settled (1 draw): a bound" and scores["nll_is1_mc_error"].value is None


def test_the_number_of_images_is_stated(linear_gaussian):
    score = nll(linear_gaussian(), **{**PLAIN, "images": 7})["nll_is1000"]
    assert score.n == 7 and "7 of 40 test images" in score.note


def test_chunks_change_nothing_but_the_draws(linear_gaussian, monkeypatch):
    view = linear_gaussian(widen=1.2)
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
