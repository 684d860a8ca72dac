"""The optimizer a trainer configuration asks for."""

import keras
from keras import ops

from vaelab.config.schema import Trainer
from vaelab.config.together import OPTIMIZERS, check_optimizer
from vaelab.contracts import Objective, optional
from vaelab.errors import ConfigError
from vaelab.training.progress import factor

CLASSES = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}


class Scheduled(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate * the schedule's factor at a step."""

    def __init__(self, learning_rate, schedule, total_steps, steps_per_epoch):
        self.learning_rate, self.schedule = learning_rate, schedule
        self.span = {"total_steps": total_steps, "steps_per_epoch": steps_per_epoch}

    def __call__(self, step):
        return ops.cast(self.learning_rate * factor(self.schedule, step, **self.span), "float32")


def make(trainer: Trainer, schedule, total_steps, objective, *, steps_per_epoch=1):
    """A Keras optimizer; where the objective has a critic with a speed of its own, Adam with two.

    Raises:
        ConfigError: a setting the chosen optimizer does not have.
    """
    check_optimizer(trainer)
    check_critic(trainer.optimizer, objective)
    name = trainer.optimizer
    given = {k: v if getattr(trainer, k) is None else getattr(trainer, k) for k, v in OPTIMIZERS[name].items()}
    learning_rate = Scheduled(trainer.learning_rate, schedule, total_steps, steps_per_epoch)
    of = _normalized if trainer.normalize_gradients else lambda kind: kind
    if _own_speed(objective):
        from vaelab.training.two_speed import TwoSpeedAdam

        rate, beta_1 = objective.critic_learning_rate, objective.critic_beta_1
        return of(TwoSpeedAdam)(
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
    return of(kind)(learning_rate=learning_rate, global_clipnorm=trainer.clip_norm, **given)  # pyright: ignore[reportArgumentType]


def _normalized(kind):
    """The optimizer with each tensor's gradient divided by its own L2 norm (+ 1e-7) first."""

    class Normalized(kind):
        def _clip_gradients(self, grads):  # where Keras changes gradients before a step, critic's steps included
            return super()._clip_gradients([g / (ops.sqrt(ops.sum(ops.square(g))) + 1e-7) for g in grads])

    return Normalized


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
