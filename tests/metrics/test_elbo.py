import numpy as np
import pytest

from vaelab.metrics.elbo import elbo


def test_elbo_is_minus_distortion_minus_rate(linear_gaussian):
    scores = elbo(linear_gaussian(), split="test", n_samples=1)
    assert scores["elbo"].value == pytest.approx(-(scores["distortion"].value + scores["rate"].value))
    assert scores["elbo"].n == 40 and scores["elbo"].samples == 1


def test_elbo_is_below_the_exact_value_by_the_posterior_gap(linear_gaussian):
    view = linear_gaussian()
    scores = elbo(view, split="test", n_samples=2000)
    # E_q log p(x|z) of a Gaussian q in closed form
    part = view.split("test")
    (x,) = part.images()
    residual = x[:, 0, :, 0] - part.mean @ view.w.T - view.b
    squared = (residual**2).sum(1) + (part.std**2) @ (view.w**2).sum(0)
    distortion = 0.5 * squared / view.s**2 + 0.5 * len(view.b) * np.log(2 * np.pi * view.s**2)
    assert scores["distortion"].value == pytest.approx(distortion.mean(), abs=0.03)
    assert scores["elbo"].value < view.exact(part.images()).mean()


def test_elbo_of_an_implicit_posterior_is_called_a_critics(code_view):
    view = code_view(np.random.default_rng(0).normal(size=(50, 2)), closed_form=False)
    assert set(elbo(view, split="test", n_samples=1)) == {"elbo_critic", "distortion", "rate_critic"}
    many = elbo(view, split="test", n_samples=20)
    assert many["distortion"].samples == 20 and many["rate_critic"].samples == 1
    view.split("test").rate = None
    assert set(elbo(view, split="test", n_samples=1)) == {"distortion"}


def test_bits_per_dimension_of_a_probability(linear_gaussian):
    view = linear_gaussian()
    assert "bits_per_dim_elbo" not in elbo(view, split="test", n_samples=1)
    view.discrete = True
    scores = elbo(view, split="test", n_samples=1)
    assert scores["bits_per_dim_elbo"].value == pytest.approx(-scores["elbo"].value / (6 * np.log(2)))
    assert scores["bits_per_dim_elbo"].se == pytest.approx(scores["elbo"].se / (6 * np.log(2)))


def test_what_the_likelihood_learned_is_told(linear_gaussian):
    view = linear_gaussian()
    view.learned = {"likelihood_variance": 0.25}
    assert elbo(view, split="test", n_samples=1)["likelihood_variance"].value == 0.25
