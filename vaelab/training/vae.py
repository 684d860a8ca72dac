"""The trainable whole: preprocessing, structure and objective as one Keras model."""

from typing import Any, NamedTuple

import keras
from keras import ops

from vaelab.compute.compiled import Steps, steps_in_turn
from vaelab.compute.noise import Noise
from vaelab.contracts import Objective, Prior, optional
from vaelab.errors import ConfigError
from vaelab.training.progress import factor


class ForwardPass(NamedTuple):
    """What the loss is made of: the views the network saw (and the condition), and the structure's outputs."""

    x: tuple
    outputs: object


class LossContext(NamedTuple):
    """What a loss depends on besides the batch: objectives take it as `stage`, the stage that training is at.

    Attributes:
        beta: weight of the rate at this step.
        capacity: factor of the wanted capacity at this step, in [0, 1].
        training: False where a split is evaluated; schedules are then at their end.
        epoch: epochs begun, 1 in the first; None where a split is evaluated.
    """

    beta: object
    capacity: object
    training: bool
    epoch: object = None


class VAEModel(keras.Model):
    """x (tuple of stored views) -> ForwardPass; the loss comes from the objective.

    Args:
        preprocessing, structure, objective: complete parts.
        beta: weight of the rate in nats.
        beta_schedule, capacity_schedule: factors over the training.
        total_steps: training steps the schedules span.
        steps_per_epoch: of one epoch, for schedules that count epochs.
    """

    def __init__(
        self, *, preprocessing, structure, objective, beta, beta_schedule, capacity_schedule, total_steps,
        steps_per_epoch=1,
    ):  # fmt: skip
        super().__init__(name="vaelab", dtype="float32")
        self.preprocessing, self.structure, self.objective = preprocessing, structure, objective
        self.beta, self.beta_schedule, self.capacity_schedule = beta, beta_schedule, capacity_schedule
        self.total_steps, self.steps_per_epoch = total_steps, steps_per_epoch
        self.reads_rows = optional(structure.prior, Prior, "training_log_prob") is not None
        self.trackers = {name: keras.metrics.Mean(name=name) for name in objective.terms}
        # Counted here because JAX does not hand a loss the optimizer's counter.
        self.step = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="step")
        self.built = True

    def call(self, x, training=False):
        """Tuple of stored views, the condition behind them where there is one, in training `rows` behind both where the
        prior reads those -> ForwardPass."""
        if isinstance(x, Steps):  # Keras looks once, without computing, what the model makes of the data
            x = x.views
        more = {"samples": optional(self.objective, Objective, "samples")}
        if self.reads_rows and training:
            *x, more["rows"] = x
        x = self.preprocessing(tuple(x), training=training)
        return ForwardPass(x, self.structure(x, training=training, **more))

    def compute_loss(self, x=None, y=None, y_pred: Any = None, sample_weight=None, training=True):
        """The objective's loss; its other terms go to the trackers, weighted by the batch's size."""
        seen, outputs = y_pred
        log_likelihood = self.structure.log_likelihood(seen, outputs.decoded)
        terms = self.objective.losses(seen, outputs, log_likelihood, self.loss_context(training))
        if training:
            self.step.assign_add(1)
        for name, tracker in self.trackers.items():
            tracker.update_state(terms[name], sample_weight=ops.shape(seen[0])[0])
        if len(terms["loss"].shape):
            raise ConfigError(
                f"{type(self.objective).__name__}.losses: expected a scalar loss, the mean over the batch; got shape "
                f"{tuple(terms['loss'].shape)}."
            )
        return terms["loss"]

    def single_step(self, *arguments):
        """One gradient step on one batch: Keras's training step, whose arguments depend on the backend."""
        return super().train_step(*arguments)

    def train_step(self, *arguments):
        """A step; on jax as many as the data say, in one compiled call."""
        return self._in_turn(self.single_step, *arguments)

    def test_step(self, *arguments):
        """The same without gradients."""
        return self._in_turn(super().test_step, *arguments)

    def _in_turn(self, step, *arguments):
        x = arguments[-1][0]
        return steps_in_turn(step, self, arguments[0], x) if isinstance(x, Steps) else step(*arguments)

    def loss_context(self, training) -> LossContext:
        """Where the schedules stand; validation always judges the model that is wanted in the end."""
        step = self.step.value if training else None
        span = {"total_steps": self.total_steps, "steps_per_epoch": self.steps_per_epoch}
        beta, capacity = (factor(s, step, **span) for s in (self.beta_schedule, self.capacity_schedule))
        epoch = None if step is None else ops.cast(step // self.steps_per_epoch + 1, "float32")
        return LossContext(self.beta * beta, capacity, training, epoch)

    def renew_prior(self):
        """Lets a prior that depends on the training images' codes follow the weights."""
        if renew := optional(self.structure.prior, Prior, "renew"):
            renew()

    def restart_evaluation(self):
        """Puts every evaluation noise stream back to its beginning."""
        for layer in self._flatten_layers():
            if isinstance(layer, Noise):
                layer.restart_evaluation()
