"""Every schedule: known values at known times, equal from floats and tensors, ending at 1."""

import numpy as np
import pytest
from keras import ops
from parts import config, make_vae

from vaelab.build import part
from vaelab.config import locate

GROUPS = ("beta_schedule", "capacity_schedule", "learning_rate_schedule")


def schedule(group, option, **more):
    node = config(f"{group}={option}")[group]
    return part({**node, **more}, group)


def values(function, at):
    return np.array([float(function(p)) for p in at])


@pytest.mark.parametrize("group,option", [(g, o) for g in GROUPS for o in locate.options(g)])
def test_floats_and_tensors_agree_and_nothing_is_negative(group, option):
    function = schedule(group, option)
    at = np.linspace(0, 1, 41, dtype=np.float32)
    plain = values(function, at)
    tensors = np.array([float(ops.convert_to_numpy(function(ops.convert_to_tensor(p)))) for p in at])
    np.testing.assert_allclose(plain, tensors, atol=1e-5)
    assert (plain >= 0).all() and np.isfinite(plain).all()
    if group != "learning_rate_schedule" and option not in ("steps", "warmup_epochs"):
        assert plain[-1] == pytest.approx(1)  # validation judges beta and capacity as they are wanted in the end


def test_warmup_and_steps():
    np.testing.assert_allclose(values(schedule("beta_schedule", "warmup"), [0, 0.05, 0.1, 0.5]), [0, 0.5, 1, 1])
    steps = schedule("learning_rate_schedule", "steps")
    np.testing.assert_allclose(values(steps, [0, 0.49, 0.5, 0.74, 0.75, 1]), [1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-5)


def test_cosine_both_ways():
    np.testing.assert_allclose(values(schedule("beta_schedule", "cosine"), [0, 0.5, 1]), [0, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(
        values(schedule("learning_rate_schedule", "cosine"), [0, 0.5, 1]), [1, 0.5, 0], atol=1e-6
    )


def test_cyclical_rises_four_times():
    found = values(schedule("beta_schedule", "cyclical"), [0, 0.0625, 0.125, 0.24, 0.25, 0.3125, 0.9, 1])
    np.testing.assert_allclose(found, [0, 0.5, 1, 1, 0, 0.5, 1, 1], atol=1e-5)


def test_the_model_follows_its_schedules_while_training_and_stands_at_their_end_else():
    vae = make_vae("model=dense", "beta=4", "beta_schedule=warmup", "beta_schedule.share=0.5", total_steps=100)
    for step, factor in ((0, 0.0), (25, 0.5), (50, 1.0), (400, 1.0)):
        vae.step.assign(step)
        assert float(vae.loss_context(True).beta) == pytest.approx(4 * factor)
        assert float(vae.loss_context(False).beta) == 4.0
    assert float(vae.loss_context(True).capacity) == 1.0
