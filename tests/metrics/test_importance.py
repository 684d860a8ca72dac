import numpy as np
import pytest

from vaelab.metrics import importance


@pytest.mark.parametrize("k", [0.1, 0.3, 0.5, 0.7, 1.0, 1.5])
def test_khat_is_the_shape_of_pareto_tails(k):
    uniform = np.random.default_rng(0).uniform(size=(5000, 200))
    found = importance.pareto_khat(np.log((uniform**-k - 1) / k))
    drawn = (213 * k + 10 * 0.5) / (213 + 10)  # 213 weights in the tail, ten more say 1/2
    assert found.mean() == pytest.approx(drawn, abs=0.05) and found.std() < 0.2


def test_khat_of_thin_tails_is_small_and_of_lognormal_ones_large():
    normal = np.random.default_rng(0).normal(size=(2000, 100))
    bounded = np.log(np.random.default_rng(1).uniform(size=(2000, 100)))
    assert importance.pareto_khat(bounded).mean() < 0 < importance.pareto_khat(0.3 * normal).mean() < 0.3
    assert importance.pareto_khat(5 * normal).mean() > 1


def test_khat_does_not_depend_on_the_scale_of_the_weights_or_their_order():
    weights = np.random.default_rng(0).normal(size=(300, 7))
    found = importance.pareto_khat(weights)
    np.testing.assert_allclose(importance.pareto_khat(weights[::-1] - 4000), found)


def test_khat_of_equal_weights_and_of_one_that_is_all():
    rounding = 1e-6 * np.random.default_rng(0).normal(size=(500, 3)) - 120
    assert importance.pareto_khat(rounding).tolist() == [0, 0, 0]
    lonely = np.full((500, 2), -1e4)
    lonely[7] = 0.0
    assert (importance.pareto_khat(lonely) > 2).all()


def lognormal(draws, images, sigma, seed=0):
    """Log weights whose mean weight is 1."""
    return sigma * np.random.default_rng([seed, draws]).normal(size=(draws, images)) - sigma**2 / 2


@pytest.mark.parametrize("draws", [2, 5, 10, 50, 100, 500])
@pytest.mark.parametrize("images", [20, 1000])
@pytest.mark.quick(6)
def test_the_error_covers_noise_and_bias(draws, images):
    """Also where images are many and the bias is larger than the noise."""
    ratios = []
    for seed in range(30):
        found = importance.weigh(lognormal(draws, images, 0.5, seed))
        ratios.append(found.log_p.mean() / importance.judged(found, draws).error)
    assert 0.4 < np.sqrt(np.mean(np.square(ratios))) < 1.5


@pytest.mark.parametrize("draws", [5, 20, 100, 500])
def test_scattered_weights_are_not_settled(draws):
    verdict = importance.judged(importance.weigh(lognormal(draws, 50, 3.0)), draws)
    assert verdict.error is None and verdict.doubt.startswith("not settled (") and verdict.doubt.endswith("): a bound")
    assert (verdict.khat is not None) == (draws >= importance.ENOUGH)


def test_what_falls_is_not_settled():
    found = importance.weigh(lognormal(100, 50, 0.5))
    assert importance.judged(found, 100).doubt is None
    assert importance.judged(found, 100, tolerance=1e-6).doubt == "not settled (falls by 0.00): a bound"
