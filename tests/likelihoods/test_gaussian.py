"""Gaussian log-densities against scipy; what is learned and what is not."""

import keras
import numpy as np
import pytest
from keras import ops
from parts import count, data
from scipy import stats

from vaelab.likelihoods.gaussian import Gaussian

RNG = np.random.default_rng(0)


def gaussian(variance=1.0, learned="none", mean_activation="linear"):
    return Gaussian(variance=variance, learned=learned, mean_activation=mean_activation)


@pytest.mark.parametrize("variance", [0.1, 1.0, 3.92])
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "relu"])
def test_against_scipy_with_a_sample_axis(variance, activation):
    params = RNG.normal(size=(6, 3, 4, 4, 2)).astype(np.float32)
    x = RNG.random((3, 4, 4, 2)).astype(np.float32)
    mean = {"linear": params, "sigmoid": 1 / (1 + np.exp(-params)), "relu": np.maximum(params, 0)}[activation]
    expected = stats.norm(mean, np.sqrt(variance)).logpdf(x).sum((-3, -2, -1))
    layer = gaussian(variance, mean_activation=activation)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.log_prob(x, params)), expected, rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.log_prob(x, params[0])), expected[0], rtol=1e-4)


def test_unit_variance_halves_the_squared_error():
    x, mean = (RNG.normal(size=(2, 4, 4, 1)).astype(np.float32) for _ in range(2))
    distortion = -ops.convert_to_numpy(gaussian().log_prob(x, mean))
    np.testing.assert_allclose(distortion, 0.5 * ((x - mean) ** 2).sum((1, 2, 3)) + 8 * np.log(2 * np.pi), rtol=1e-5)


def test_only_the_learned_variance_is_trained():
    assert count(gaussian()) == 0 and count(gaussian(learned="scalar")) == 1


def test_draws_have_the_moments():
    params = np.full((20_000, 1, 1, 1), 0.3, np.float32)
    draws = ops.convert_to_numpy(gaussian(0.25).sample(params, seed=1))
    assert abs(draws.mean() - 0.3) < 0.02 and abs(draws.std() - 0.5) < 0.02


def test_says_what_binary_pixels_mean():
    assert "likelihood=bernoulli" in gaussian().misfit(data("static"))
    assert gaussian().misfit(data("standardised")) is None


def test_variance_of_its_own_for_each_pixel(tmp_path):
    layer = gaussian(0.5, "pixel", "sigmoid")
    assert layer.channels(3) == 6 and count(layer) == 0
    params = RNG.normal(size=(6, 3, 4, 4, 4)).astype(np.float32)
    x = RNG.random((3, 4, 4, 2)).astype(np.float32)
    mean, variance = 1 / (1 + np.exp(-params[..., :2])), 0.5 * np.exp(params[..., 2:]) + (1 / 255) ** 2 / 12
    expected = stats.norm(mean, np.sqrt(variance)).logpdf(x).sum((-3, -2, -1))
    found = layer.log_prob(x, ops.convert_to_tensor(params))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)
    inputs = keras.Input((4, 4, 4))
    keras.Model(inputs, layer.exported(inputs)).save(tmp_path / "mean.h5")
    again = keras.models.load_model(tmp_path / "mean.h5", compile=False)
    np.testing.assert_allclose(ops.convert_to_numpy(again(params[0])), mean[0], rtol=1e-5)


def test_a_perfect_pixel_cannot_earn_more_than_its_rounding_allows():
    layer = gaussian(1.0, "pixel")
    x = np.full((1, 1, 1, 1), 0.3, np.float32)
    params = np.array([0.3, -60.0], np.float32).reshape(1, 1, 1, 2)
    assert float(ops.convert_to_numpy(layer.log_prob(x, ops.convert_to_tensor(params)))[0]) == pytest.approx(
        stats.norm(0, 1 / 255 / np.sqrt(12)).logpdf(0), abs=1e-2
    )


def test_only_a_learned_scalar_is_told():
    layer = gaussian(0.3, learned="scalar")
    assert layer.learned()["variance"] == pytest.approx(0.3)
    layer.log_variance.assign(np.log(0.02))
    assert layer.learned()["variance"] == pytest.approx(0.02)
    assert gaussian().learned() == {} and gaussian(learned="pixel").learned() == {}
