"""The ELBO and a critic's total correlation."""

import keras
from keras import layers, ops

from vaelab.config.types import Activation, Fraction, PositiveFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.objectives.adversarial import Adversarial
from vaelab.objectives.closed_form import need_density


class FactorVAE(Adversarial):
    """loss = distortion + rate + beta TC_critic + critic_loss, with stop-gradients as in `Adversarial`.

    The critic tells codes z ~ q(z) of a batch from the same with each latent permuted among the images by itself, draws
    from prod_d q(z_d): T(z) = log q(z) - log prod_d q(z_d) at its optimum, TC_critic = E T(z), which may be negative.
    The paper takes the permuted codes from a second batch.

    Args:
        hidden_dims, activation: of the critic.
        critic_learning_rate, critic_beta_1, critic_steps: see `Adversarial`.

    References:
        Kim & Mnih (2018), Disentangling by factorising.
    """

    terms = ("distortion", "rate", "total_correlation_critic", "critic_loss")
    weighs_rate = False  # beta weighs the total correlation beside it
    ranks_models_by = None  # the loss is low where the critic is weak

    def __init__(
        self,
        *,
        hidden_dims: list[PositiveInt],
        activation: Activation,
        critic_learning_rate: PositiveFloat | None,
        critic_beta_1: Fraction | None,
        critic_steps: PositiveInt,
        structure,
        seed,
    ):
        need_density(structure, "factorvae")
        if structure.latent_dim < 2:
            raise ConfigError("objective=factorvae permutes latents against each other and needs two or more.")
        x = z = keras.Input((structure.latent_dim,), name="z")
        for n, width in enumerate(hidden_dims, start=1):
            x = layers.Dense(width, activation=activation, name=f"hidden_{n}")(x)
        logit = layers.Dense(1, dtype="float32", name="logit")(x)
        super().__init__(
            critic=keras.Model(z, layers.Reshape((), dtype="float32", name="t")(logit), name="critic"),
            critic_learning_rate=critic_learning_rate,
            critic_beta_1=critic_beta_1,
            critic_steps=critic_steps,
            seed=seed,
        )

    def in_words(self, beta: float) -> str:
        """What encoder and decoder descend, as a formula."""
        return f"loss = distortion + rate + {beta:g} total correlation as the critic says"

    def permuted(self, z, training):
        """Each latent permuted among the images by itself: (B, D)."""
        order = ops.argsort(self.prior_noise.uniform(ops.shape(z), training), axis=0)
        return ops.take_along_axis(z, order, axis=0)

    def critic_loss(self, x, outputs, training):
        """Logistic loss of the critic, nats; moves nothing else."""
        z = ops.stop_gradient(outputs.z)
        return ops.mean(ops.softplus(-self.critic(z))) + ops.mean(ops.softplus(self.critic(self.permuted(z, training))))

    def held_correlation(self, z):
        """T(z), (B,) nats; the critic's weights are constants here."""
        held = [ops.stop_gradient(v.value) for v in self.critic.trainable_variables]
        return self.critic.stateless_call(held, self.critic.non_trainable_variables, z)[0]

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `Adversarial.losses`."""
        distortion, rate = -ops.mean(log_likelihood), ops.mean(ops.sum(outputs.rate, axis=-1))
        correlation = ops.mean(self.held_correlation(outputs.z))
        critic_loss = self.critic_loss(x, outputs, stage.training)
        loss = distortion + rate + stage.beta * correlation
        return {
            "loss": loss + critic_loss if stage.training else loss,  # a split's loss judges the model, not the critic
            "distortion": distortion,
            "rate": rate,
            "total_correlation_critic": correlation,
            "critic_loss": critic_loss,
        }
