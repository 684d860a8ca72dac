import numpy as np
import pytest

from vaelab.metrics import ais as module
from vaelab.metrics.ais import ais

PLAIN = {
    "split": "test", "images": None, "chains": 4, "temperatures": 60, "leapfrog_steps": 4, "step_size": 0.3,
    "acceptance": 0.65, "pilot_chains": 1, "bdmc": False,
}  # fmt: skip


@pytest.mark.parametrize("view", [{}, {"widen": 2.0, "shift": 0.5}, {"s": 0.2, "latents": 4}])
def test_it_agrees_with_the_exact_value_within_its_error(linear_gaussian, view):
    view = linear_gaussian(**view)
    scores = ais(view, **PLAIN)
    exact = -view.exact(view.split("test").images()).mean()
    error = scores["nll_ais_mc_error"].value
    assert 0 < error < 0.2
    assert abs(scores["nll_ais"].value - exact) < 4 * error
    assert 0.4 < scores["ais_acceptance"].value < 0.9


def test_the_mean_weight_is_the_likelihood_however_short_the_path(linear_gaussian):
    """E w = p(x) whatever the temperatures: the mean of w / p(x) over many short chains is 1."""
    view = linear_gaussian(n=300)
    part = view.split("test")
    path = module._Path(view, part.images(), part.mean, part.std)
    plan = module._Plan(module._grid(5), 3, 0.5, 0.65, 40, 1)
    ratio = np.exp(module._forward(path, plan, np.random.default_rng(1)).log_weights - view.exact(part.images()))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(ratio.size)


def test_the_two_directions_bound_the_exact_value(linear_gaussian):
    view = linear_gaussian(n=60, widen=1.5)
    scores = ais(view, **{**PLAIN, "bdmc": True})
    rng = module.stream(view, "bdmc", "test")
    z = rng.standard_normal((60, view.latent_dim)).astype(np.float32)
    exact = view.exact(view.simulate(z, rng)).mean()
    assert scores["ais_bdmc_lower"].value - 0.05 < exact < scores["ais_bdmc_upper"].value + 0.05
    assert scores["ais_bdmc_gap"].value == pytest.approx(0, abs=0.1)


def test_the_gap_closes_with_more_temperatures(linear_gaussian):
    view = linear_gaussian(n=60, widen=3.0, shift=1.0)
    one = {**PLAIN, "chains": 1, "bdmc": True}
    few, many = (ais(view, **{**one, "temperatures": t})["ais_bdmc_gap"].value for t in (5, 300))
    print(few, many)
    assert few > 3 > 0.6 > many > -0.2


def test_a_runaway_trajectory_is_refused(linear_gaussian):
    scores = ais(linear_gaussian(), **{**PLAIN, "step_size": 1e6, "temperatures": 5})
    assert np.isfinite(scores["nll_ais"].value) and scores["ais_acceptance"].value < 0.1


def test_the_last_images_may_be_fewer(linear_gaussian, monkeypatch):
    monkeypatch.setattr(module, "_CODES_PER_CALL", 4 * 30)  # 30 images, then 10
    scores = ais(linear_gaussian(), **{**PLAIN, "temperatures": 10})
    assert scores["nll_ais"].n == 40 and np.isfinite(scores["nll_ais"].value)


def test_it_is_the_same_twice_and_says_how_many_images(linear_gaussian):
    first, again = (ais(linear_gaussian(), **{**PLAIN, "images": 5, "temperatures": 10}) for _ in range(2))
    np.testing.assert_equal(first, again)
    assert first["nll_ais"].n == 5 and "5 of 40" in first["nll_ais"].note and first["nll_ais"].samples == 4


def test_short_steps_keep_the_energy(linear_gaussian):
    view, rng = linear_gaussian(), np.random.default_rng(0)
    part = view.split("test")
    path = module._Path(view, part.images(), part.mean, part.std)
    u = rng.standard_normal((3, *part.mean.shape))
    for t in (0.1, 0.5, 1.0):
        probability = module._move(path, t, u, *path.joint(u), np.full(len(part), 0.01), 60, rng)[-1]
        assert probability.min() > 0.99


def test_chains_that_disagree_make_a_bound(linear_gaussian):
    """A path of five temperatures from a start far off: the estimate is nats away, and says so."""
    view = linear_gaussian(s=0.3, latents=6, dims=12, shift=0.3)
    scores = ais(view, **{**PLAIN, "temperatures": 5})
    exact = -view.exact(view.split("test").images()).mean()
    assert scores["nll_ais"].value > exact + 2
    assert scores["nll_ais"].doubt.startswith("not settled (scatter") and scores["nll_ais_mc_error"].value is None
    assert "metrics.ais.temperatures" in scores["nll_ais"].note
