"""The continuous Bernoulli: a density, precise near 1/2, with its own mean."""

import keras
import numpy as np
import pytest
from keras import ops
from parts import data
from scipy import integrate

from vaelab.likelihoods.continuous_bernoulli import ContinuousBernoulli, log_constant

LOGITS = np.array([-80, -20, -3, -0.6, -0.5, -0.4999, -0.01, -1e-6, 0, 1e-6, 0.01, 0.4999, 0.5, 0.6, 3, 20, 80])


def exact_log_constant(eta):
    """log(eta / tanh(eta / 2)) in twice the precision; log 2 at 0."""
    eta = np.asarray(eta, np.float64)
    safe = np.where(eta == 0, 1.0, eta)
    return np.where(np.abs(eta) < 1e-4, np.log(2) + eta**2 / 12, np.log(np.abs(safe) / np.tanh(np.abs(safe) / 2)))


def pixel(values):
    return np.asarray(values, np.float32).reshape(-1, 1, 1, 1)


def test_the_constant_is_precise_everywhere():
    found = ops.convert_to_numpy(log_constant(ops.convert_to_tensor(pixel(LOGITS))))[:, 0, 0, 0]
    np.testing.assert_allclose(found, exact_log_constant(LOGITS), atol=2e-6, rtol=1e-6)


def test_its_gradient_is_precise_near_one_half():
    from vaelab.compute.compiled import compiled_gradient

    eta = np.float32([[-0.7], [-0.5], [-0.3], [-1e-3], [0.0], [1e-4], [0.02], [0.499], [0.501], [2.0]])
    gradient = compiled_gradient(lambda z: ops.sum(log_constant(z), axis=-1))(eta)[1][:, 0]
    wide = eta.astype(np.float64)[:, 0]
    exact = (exact_log_constant(wide + 1e-3) - exact_log_constant(wide - 1e-3)) / 2e-3
    np.testing.assert_allclose(gradient, exact, atol=1e-5)


@pytest.mark.parametrize("eta", [-30.0, -2.0, -0.3, 0.0, 0.3, 5.0])
def test_it_is_a_density_with_this_mean(eta):
    layer = ContinuousBernoulli()
    x = np.linspace(0, 1, 20_001, dtype=np.float32)
    density = np.exp(ops.convert_to_numpy(layer.log_prob(pixel(x), pixel(np.full_like(x, eta)))).astype(np.float64))
    assert integrate.simpson(density, x=x.astype(np.float64)) == pytest.approx(1, abs=1e-4)
    mean = integrate.simpson(density * x, x=x.astype(np.float64))
    assert float(ops.convert_to_numpy(layer.mean(ops.convert_to_tensor(pixel([eta]))))[0, 0, 0, 0]) == pytest.approx(
        mean, abs=1e-4
    )
    draws = ops.convert_to_numpy(layer.sample(ops.convert_to_tensor(pixel(np.full(40_000, eta))), seed=1))
    assert draws.min() >= 0 and draws.max() <= 1 and draws.mean() == pytest.approx(mean, abs=0.01)


def test_exported_mean_is_the_mean(tmp_path):
    layer = ContinuousBernoulli()
    logits = np.linspace(-50, 50, 24, dtype=np.float32).reshape(2, 2, 2, 3)
    inputs = keras.Input((2, 2, 3))
    keras.Model(inputs, layer.exported(inputs)).save(tmp_path / "mean.h5")
    again = keras.models.load_model(tmp_path / "mean.h5", compile=False)
    found, mean = (ops.convert_to_numpy(v) for v in (again(logits), layer.mean(ops.convert_to_tensor(logits))))
    np.testing.assert_allclose(found, mean, atol=1e-4)


def test_sample_axis_and_misfit():
    layer = ContinuousBernoulli()
    x, params = np.random.default_rng(0).random((2, 3, 3, 1)), np.random.default_rng(1).normal(size=(5, 2, 3, 3, 1))
    x, params = x.astype(np.float32), ops.convert_to_tensor(params.astype(np.float32))
    many = ops.convert_to_numpy(layer.log_prob(x, params))
    np.testing.assert_allclose(many[2], ops.convert_to_numpy(layer.log_prob(x, params[2])), rtol=1e-6)
    assert "bernoulli" in layer.misfit(data("dynamic")) and "gaussian" in layer.misfit(data("standardised"))
    assert layer.misfit(data("grey")) is None
