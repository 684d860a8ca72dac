import numpy as np
import pytest
from fake_view import spots

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


# -- underfitted


def of_digits(elbo=(), dim=1.0, key="val/elbo", **more):
    """`spots` whose decoder is `dim` times as bright, after a training with this elbo."""
    view = spots(
        latent_dim=2, shape=(8, 8, 1), history={"epoch": list(range(1, len(elbo) + 1)), key: list(elbo)}, **more
    )
    decode = view.decode
    view.decode = lambda z, *given: tuple(dim * v for v in decode(z, *given))
    return collapse(view, **SETTINGS)["underfitted"]


CONVERGED = [-100 - 80 * 0.5**epoch for epoch in range(30)]


def test_a_bright_decoder_and_an_elbo_that_stands_are_no_sign():
    assert of_digits(CONVERGED)[:1] == (0.0,) and of_digits(CONVERGED).note is None


def test_an_elbo_that_still_rises_says_by_how_much_and_what_to_do():
    found = of_digits([-200 + 5 * epoch for epoch in range(8)])
    assert found.value == 1
    assert found.note.startswith("val/elbo still rose by 5.0 nats over the last epoch: train longer (vaelab resume, ")
    assert "trainer.epochs=16" in found.note
    assert (
        "train/elbo still rose by 6.0 nats over the last 3 epochs"
        in of_digits([-200 + 2 * epoch for epoch in range(30)], key="train/elbo").note
    )


@pytest.mark.parametrize(
    "elbo",
    [[-100.0], [], [-100, None, None], [-100.0, -100.6, -99.7], [-90.0, -95.0, -99.0],
     [-1e5 + 2e4 * (1 - 2.0**-k) for k in range(20)]],
    ids=["one epoch", "no history", "not measured", "noise", "falling", "large numbers, converged"],
)  # fmt: skip
def test_what_does_not_rise_fast_is_no_sign(elbo):
    assert of_digits(elbo).value == 0


def test_a_decoder_that_stays_dark_is_a_sign():
    found = of_digits(CONVERGED, dim=0.3)
    assert found.value == 1 and "makes nothing brighter than 0.16, images reach 0.90" in found.note
    assert of_digits(CONVERGED, dim=0.3, data_kind="real").value == 0


def test_darkness_of_a_collapsed_code_is_explained_by_that(code_view):
    view = code_view(1e-3 * codes(), 1.0)
    view.decode = lambda z: (np.zeros((len(z), 1, 4, 1)),)
    assert collapse(view, **SETTINGS)["underfitted"].value == 0
