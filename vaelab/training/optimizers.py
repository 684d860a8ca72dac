"""The optimizer a trainer configuration asks for."""

import keras
from keras import ops

from vaelab.config.schema import Trainer
from vaelab.config.together import OPTIMIZERS, check_optimizer
from vaelab.contracts import Objective, optional
from vaelab.errors import ConfigError

CLASSES = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}


class Scheduled(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate * schedule(step / total_steps)."""

    def __init__(self, learning_rate, schedule, total_steps):
        self.learning_rate, self.schedule, self.total_steps = learning_rate, schedule, max(total_steps, 1)

    def __call__(self, step):
        progress = ops.minimum(ops.cast(step, "float32") / self.total_steps, 1.0)
        return ops.cast(self.learning_rate * self.schedule(progress), "float32")


def make(trainer: Trainer, schedule, total_steps, objective):
    """A Keras optimizer; where the objective has a critic with a speed of its own, Adam with two.

    Raises:
        ConfigError: a setting the chosen optimizer does not have.
    """
    check_optimizer(trainer)
    check_critic(trainer.optimizer, objective)
    name = trainer.optimizer
    given = {k: v if getattr(trainer, k) is None else getattr(trainer, k) for k, v in OPTIMIZERS[name].items()}
    learning_rate = Scheduled(trainer.learning_rate, schedule, total_steps)
    if _own_speed(objective):
        from vaelab.training.two_speed import TwoSpeedAdam

        rate, beta_1 = objective.critic_learning_rate, objective.critic_beta_1
        return TwoSpeedAdam(
            learning_rate,
            beta_1=given["beta_1"],
            epsilon=given["epsilon"],
            global_clipnorm=trainer.clip_norm,
            critic=objective.critic_variables,
            critic_scale=1.0 if rate is None else rate / trainer.learning_rate,
            critic_beta_1=given["beta_1"] if beta_1 is None else beta_1,
            alternating=objective.critic_steps > 1,
        )
    kind = getattr(keras.optimizers, CLASSES[name])
    if name == "adam" and keras.backend.backend() == "tensorflow":
        from vaelab.training.fused_adam import FusedAdam as kind
    # Keras's parameters without annotation are taken to be what their defaults are
    return kind(learning_rate=learning_rate, global_clipnorm=trainer.clip_norm, **given)  # pyright: ignore[reportArgumentType]


def _own_speed(objective) -> dict:
    """The settings that give a critic a speed of its own, empty where there are none."""
    settings = {k: optional(objective, Objective, k) for k in ("critic_learning_rate", "critic_beta_1", "critic_steps")}
    return {k: v for k, v in settings.items() if v is not None and (k, v) != ("critic_steps", 1)}


def check_critic(optimizer: str, objective):
    """ConfigError where a critic's own speed is asked of an optimizer other than Adam."""
    own = _own_speed(objective)
    if own and optimizer != "adam":
        told = ", ".join(f"objective.{k}={v}" for k, v in own.items())
        raise ConfigError(f"{told} needs trainer.optimizer=adam; it is {optimizer}.")
