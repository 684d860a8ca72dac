"""The discretised logistic: probabilities of 256 levels, against scipy and summing to one."""

import math

import numpy as np
import pytest
from keras import ops
from parts import count, data
from scipy import stats

from vaelab.likelihoods.discretized_logistic import DiscretizedLogistic

LEVELS = np.arange(256, dtype=np.float32).reshape(-1, 1, 1, 1) / 255


def logistic(scale=0.05, learned="none", mean_activation="linear"):
    return DiscretizedLogistic(scale=scale, learned=learned, mean_activation=mean_activation)


@pytest.mark.parametrize("scale", [0.002, 0.05, 1.0])
@pytest.mark.parametrize("location", [-0.2, 0.0, 0.4321, 1.0])
def test_levels_against_scipy(scale, location):
    found = ops.convert_to_numpy(
        logistic(scale).log_prob(LEVELS, ops.convert_to_tensor(np.full((256, 1, 1, 1), location, np.float32)))
    )
    assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)
    edges = (np.arange(257) - 0.5) / 255
    edges[[0, -1]] = -np.inf, np.inf
    variable = stats.logistic(location, scale)
    expected = variable.cdf(edges[1:]) - variable.cdf(edges[:-1])
    seen = expected > 1e-12
    np.testing.assert_allclose(np.exp(found[seen]), expected[seen], rtol=2e-2, atol=1e-9)
    assert np.isfinite(found).all()


def test_flat_is_eight_bits():
    params = ops.convert_to_tensor(np.full((256, 1, 1, 1), 0.5, np.float32))
    bits = -ops.convert_to_numpy(logistic(30.0).log_prob(LEVELS, params))[1:-1] / math.log(2)
    assert bits == pytest.approx(np.full(254, math.log2(4 * 30 * 255)), rel=1e-3)


def test_scale_of_its_own_for_each_pixel():
    layer = logistic(0.1, "pixel")
    assert layer.channels(3) == 6 and count(layer) == 0 and count(logistic(learned="scalar")) == 1
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 1)).astype(np.float32) / 255
    params = (0.5 + 0.2 * np.random.default_rng(1).normal(size=(5, 2, 3, 3, 2))).astype(np.float32)
    found = ops.convert_to_numpy(layer.log_prob(x, ops.convert_to_tensor(params)))
    params = params.astype(np.float64)
    scale = 0.1 * np.exp(params[..., 1:]) + 1e-4
    up, down = (stats.logistic.cdf((x + h - params[..., :1]) / scale) for h in (0.5 / 255, -0.5 / 255))
    up, down = np.where(x == 1, 1, up), np.where(x == 0, 0, down)
    np.testing.assert_allclose(found, np.log(up - down).sum((-3, -2, -1)), rtol=1e-3)


def test_draws_are_levels_with_the_mean():
    params = ops.convert_to_tensor(np.full((20_000, 1, 1, 1), 0.4, np.float32))
    draws = ops.convert_to_numpy(logistic(0.03).sample(params, seed=1))
    np.testing.assert_allclose(draws * 255, np.round(draws * 255), atol=1e-4)
    assert draws.mean() == pytest.approx(0.4, abs=0.01)


def test_says_what_it_is_not_for():
    assert "likelihood=gaussian" in logistic().misfit(data("standardised")) and logistic().misfit(data("grey")) is None
    assert "between them" in logistic().misfit(data("grey", eight_bit=False))


def test_only_a_learned_scalar_is_told():
    assert logistic(0.05, learned="scalar").learned()["scale"] == pytest.approx(0.05 + 1e-4, rel=1e-4)
    assert logistic().learned() == {} and logistic(learned="pixel").learned() == {}
