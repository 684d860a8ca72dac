"""Bernoulli log-probabilities against scipy; what it says about data it does not fit."""

import numpy as np
from keras import ops
from parts import data
from scipy import stats

from vaelab.likelihoods.bernoulli import Bernoulli

RNG = np.random.default_rng(0)


def test_against_scipy_with_a_sample_axis():
    logits = RNG.normal(size=(6, 3, 4, 4, 1)).astype(np.float32)
    x = (RNG.random((3, 4, 4, 1)) > 0.5).astype(np.float32)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = stats.bernoulli(p).logpmf(x).sum((-3, -2, -1))
    found = Bernoulli().log_prob(x, logits)
    assert tuple(found.shape) == (6, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(Bernoulli().log_prob(x, logits[0])), expected[0], rtol=1e-5)


def test_sums_to_one_and_stays_finite_far_out():
    both = [
        Bernoulli().log_prob(np.full((1, 1, 1, 1), v, np.float32), np.full((1, 1, 1, 1), 1.3, np.float32))
        for v in (0, 1)
    ]
    assert abs(sum(float(np.exp(ops.convert_to_numpy(v)[0])) for v in both) - 1) < 1e-6
    far = Bernoulli().log_prob(np.zeros((1, 1, 1, 1), np.float32), np.full((1, 1, 1, 1), 500.0, np.float32))
    assert float(ops.convert_to_numpy(far)[0]) == -500.0


def test_draws_are_zeros_and_ones_with_the_mean():
    logits = np.full((20_000, 1, 1, 1), 0.7, np.float32)
    draws = ops.convert_to_numpy(Bernoulli().sample(logits, seed=1))
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert abs(draws.mean() - float(ops.convert_to_numpy(Bernoulli().mean(logits[:1]))[0, 0, 0, 0])) < 0.02


def test_says_what_grey_levels_mean():
    assert "no likelihood" in Bernoulli().misfit(data("grey"))
    assert "likelihood=gaussian" in Bernoulli().misfit(data("standardised"))
    assert Bernoulli().misfit(data("dynamic")) is None
