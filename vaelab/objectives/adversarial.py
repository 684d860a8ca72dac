"""A rate that is learned: a critic is trained to tell posterior draws from prior draws, encoder and decoder use it."""

from typing import NamedTuple

import keras
from keras import layers, ops

from vaelab.compute.noise import Noise
from vaelab.errors import ConfigError


class Compared(NamedTuple):
    """What the critic sees of a draw z, and the part of log q(z|x) - log p(z) that is known without it.

    Attributes:
        z: (B, D).
        known: (B,) nats, or 0.
    """

    z: object
    known: object


class Adversarial(layers.Layer):
    """loss = distortion + beta * rate_critic + critic_loss, with stop-gradients where a term must not move weights.

    critic_loss = E_q[softplus(-T(x, z))] + E_p[softplus(T(x, z))], with draws held constant; it moves the critic alone.
    At its optimum T* = log q(z|x) - log p(z). rate_critic = E_q[T(x, z)] with the critic's weights held constant: it
    moves the encoder alone. It is an estimate, may be negative, and -(distortion + rate_critic) = elbo_critic is no
    bound.
    All move at once (on every backend), or the critic takes `critic_steps` steps of its own before each step of encoder
    and decoder, each with new noise on the same batch (tensorflow).

    Args:
        critic: functional model [x_1, ..., x_V, z] -> (B,).
        critic_learning_rate: None for the trainer's.
        critic_beta_1: Adam's beta_1 for the critic, None for the trainer's.
        critic_steps: 1 for the simultaneous update.
        seed: the run's seed, for prior draws.

    References:
        Mescheder, Nowozin & Geiger (2017), Adversarial Variational Bayes.
    """

    terms = ("distortion", "rate_critic", "elbo_critic", "critic_loss")
    samples = None
    weighs_rate = True  # beta is the whole rate's weight
    ranks_models_by = None  # with a critic's rate in it, the loss is low where the critic is weak

    def __init__(self, *, critic, critic_learning_rate, critic_beta_1, critic_steps, seed):
        super().__init__(name="objective", dtype="float32")
        if critic_steps > 1 and keras.backend.backend() != "tensorflow":
            raise ConfigError(
                f"objective.critic_steps={critic_steps} needs backend=tensorflow; this is {keras.backend.backend()}. "
                "Use critic_steps=1 with a larger objective.critic_learning_rate, or backend=tensorflow."
            )
        self.critic = critic
        self.critic_learning_rate, self.critic_beta_1 = critic_learning_rate, critic_beta_1
        self.critic_steps = critic_steps
        self.prior_noise = Noise(seed, "prior_noise")

    @property
    def critic_variables(self):
        """The weights that `critic_loss` moves."""
        return self.critic.trainable_variables

    def in_words(self, beta: float) -> str:
        """What encoder and decoder descend, as a formula."""
        return f"loss = distortion + {beta:g} rate_critic"

    def compared(self, z, q) -> Compared:
        """What the critic sees of z ~ q(z|x), (B, D), with the parameters q of the posterior."""
        raise NotImplementedError

    def others(self, n, training):
        """n draws (n, D) that the critic must tell from what it sees of q(z|x)."""
        raise NotImplementedError

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch.

        Args:
            x: tuple of views as the network sees them, (B, H, W, C) each.
            outputs: the structure's `Outputs`.
            log_likelihood: log p(x|z) of this batch, (B,).
            stage: beta of this step, and whether it is training.
        """
        distortion = -ops.mean(log_likelihood)
        rate = ops.mean(self.held_rate(x, outputs))
        critic_loss = self.critic_loss(x, outputs, stage.training)
        loss = distortion + stage.beta * rate
        return {
            "loss": loss + critic_loss if stage.training else loss,  # a split's loss judges the model, not the critic
            "distortion": distortion,
            "rate_critic": rate,
            "elbo_critic": -(distortion + rate),
            "critic_loss": critic_loss,
        }

    def critic_loss(self, x, outputs, training):
        """Logistic loss of the critic, nats; moves nothing else."""
        seen = ops.stop_gradient(self.compared(outputs.z, outputs.q).z)
        others = ops.stop_gradient(self.others(ops.shape(seen)[0], training))
        return ops.mean(ops.softplus(-self.critic([*x, seen]))) + ops.mean(ops.softplus(self.critic([*x, others])))

    def held_rate(self, x, outputs):
        """log q(z|x) - log p(z) at the draws, (B,) nats, as the critic says; its weights are constants here."""
        z, known = self.compared(outputs.z, outputs.q)
        held = [ops.stop_gradient(v.value) for v in self.critic.trainable_variables]
        t, _ = self.critic.stateless_call(held, self.critic.non_trainable_variables, [*x, z])
        return t + known
