import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics.active_units import active_units
from vaelab.metrics.rate_per_latent import rate_per_latent


def test_latents_that_move_are_counted(code_view):
    mean = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 0.2, 0.01]
    assert active_units(code_view(mean), split="test", threshold=0.01)["active_units"].value == 2


def test_parts_are_counted_by_themselves(code_view):
    mean = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 0.0, 1.0]
    view = code_view(mean, parts={"private_1": slice(0, 2), "shared": slice(2, 3)})
    assert (
        active_units(view, split="test", threshold=0.01)["active_units"].note
        == "active: private_1 1 of 2, shared 1 of 1"
    )


def test_rates_of_latents_sum_to_the_rate(code_view):
    view = code_view(np.random.default_rng(0).normal(size=(50, 3)), [0.1, 0.5, 1.0])
    scores = rate_per_latent(view, split="test")
    assert sum(s.value for s in scores.values()) == pytest.approx(view.split("test").rate.mean(), rel=1e-5)
    with pytest.raises(ConfigError, match="closed-form"):
        rate_per_latent(code_view(np.zeros((5, 2)), closed_form=False), split="test")


def test_noise_of_a_mean_over_draws_is_no_activity(code_view):
    noise = np.random.default_rng(0).normal(size=(2000, 3)) / np.sqrt(50)  # unit spread, mean of 50 draws
    view = code_view(noise + np.random.default_rng(1).normal(size=(2000, 3)) * [1, 0, 0], 1.0, closed_form=False)
    assert active_units(view, split="test", threshold=0.01)["active_units"].value == 3
    view.moment_draws = 50
    assert active_units(view, split="test", threshold=0.01)["active_units"].value == 1
