"""Gradients made of length one, tensor by tensor, before the optimizer sees them; learning rates over epochs."""

import keras
import numpy as np
import pytest
from keras import ops
from parts import config, make_vae

from vaelab.config.schema import Trainer
from vaelab.errors import ConfigError
from vaelab.training import optimizers
from vaelab.training.progress import factor


def trainer(*words):
    return Trainer(**config(*words)["trainer"])


def one(progress):
    return 1.0


def test_normalized_sgd_steps_have_the_learning_rates_length():
    vae = make_vae("model=dense")
    made = optimizers.make(
        trainer("trainer.optimizer=sgd", "trainer.learning_rate=0.5", "trainer.normalize_gradients=true"),
        one, 10, vae.objective,
    )  # fmt: skip
    weights = [keras.Variable(np.zeros(n, "float32"), name=f"w{n}") for n in (2, 3)]
    made.build(weights)
    made.apply([ops.convert_to_tensor([300.0, 400.0]), ops.convert_to_tensor([0.0, 0.0, 1e-3])], weights)
    np.testing.assert_allclose(weights[0], [-0.3, -0.4], rtol=1e-5)
    np.testing.assert_allclose(weights[1], [0, 0, -0.5], rtol=1e-3)


@pytest.mark.slow
def test_normalized_adam_does_not_see_a_losss_scale():
    found = []
    for scale in (1.0, 1000.0):
        vae = make_vae("model=dense")
        made = optimizers.make(trainer("trainer.normalize_gradients=true"), one, 10, vae.objective)
        weight = keras.Variable(np.zeros(4, "float32"), name="w")
        made.build([weight])
        for step in range(3):
            made.apply([ops.convert_to_tensor(scale * np.arange(1.0, 5.0, dtype="float32") ** step)], [weight])
        found.append(ops.convert_to_numpy(weight.value))
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_two_ways_to_bound_gradients_are_one_too_many():
    with pytest.raises(ConfigError, match="clip_norm would clip gradients"):
        config("trainer.normalize_gradients=true", "trainer.clip_norm=1")


def test_a_schedule_in_epochs_counts_those_begun():
    from vaelab.schedules.warmup_epochs import WarmupEpochs

    span = {"total_steps": 95, "steps_per_epoch": 10}
    found = [float(factor(WarmupEpochs(epochs=4), step, **span)) for step in (0, 9, 10, 29, 30, 39, 40, 94)]
    np.testing.assert_allclose(found, [0.25, 0.25, 0.5, 0.75, 1, 1, 1, 1])
    assert float(factor(WarmupEpochs(epochs=4), None, **span)) == 1.0
    assert float(factor(WarmupEpochs(epochs=20), None, **span)) == 0.5  # the training's last epoch


def test_the_length_of_the_training_does_not_change_it():
    vae = make_vae("model=dense", "beta=2", "beta_schedule=warmup_epochs", total_steps=4000, steps_per_epoch=10)
    for step, expected in ((0, 0.02), (9, 0.02), (10, 0.04), (989, 1.98), (990, 2.0), (3999, 2.0)):
        vae.step.assign(step)
        assert float(vae.loss_context(True).beta) == pytest.approx(expected)
        assert float(vae.loss_context(False).beta) == 2.0
