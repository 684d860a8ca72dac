"""Adversarial variational Bayes with adaptive contrast."""

from typing import Literal

from keras import ops

from vaelab.compute.normal_ops import log_normal
from vaelab.config.types import Activation, Fraction, PositiveFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.objectives.adversarial import Adversarial, Compared
from vaelab.objectives.closed_form import need_one_level
from vaelab.objectives.critics import ViewInputs, contrasting


class AVBAC(Adversarial):
    """The critic compares the standardised z, (z - mean) / std of z ~ q(z|x), with N(0, I); the rest is known.

    rate_critic = T(x, (z - mean) / std) + log N(z; mean, std^2) - log p(z) with the moments of q(z|x) held
    constant. The critic has only to learn how q(z|x) differs from the Gaussian of its own moments.

    Args:
        hidden_dims: of all four towers.
        inner_dim: size of theta(x) and s(z), whose inner product is part of T.
        critic_views: separate: sum_i T_i(x_i, [private_i, shared]), one logit; joint: one critic of all views.
        critic_learning_rate, critic_beta_1, critic_steps: see `Adversarial`.

    References:
        Mescheder, Nowozin & Geiger (2017), section 3.3.
    """

    def __init__(
        self,
        *,
        hidden_dims: list[PositiveInt],
        inner_dim: PositiveInt,
        activation: Activation,
        critic_views: Literal["separate", "joint"],
        critic_learning_rate: PositiveFloat | None,
        critic_beta_1: Fraction | None,
        critic_steps: PositiveInt,
        structure,
        seed,
    ):
        need_one_level(structure, "objective=avb_ac")
        if not structure.has_moments:
            raise ConfigError(
                f"objective=avb_ac needs mean and variance of q(z|x); posterior={structure.posterior_name} has none. "
                "Use posterior=basis or objective=avb."
            )
        super().__init__(
            critic=contrasting(
                ViewInputs(structure, critic_views == "joint"),
                hidden_dims=hidden_dims,
                inner_dim=inner_dim,
                activation=activation,
            ),
            critic_learning_rate=critic_learning_rate,
            critic_beta_1=critic_beta_1,
            critic_steps=critic_steps,
            seed=seed,
        )
        self._moments, self.log_prior = structure.infer, structure.prior.log_prob
        self.latent_dim = structure.latent_dim

    def others(self, n, training):
        """Draws from N(0, I), which q(z|x) standardised is were it Gaussian."""
        return self.prior_noise.normal((n, self.latent_dim), training)

    def compared(self, z, q):
        """z standardised by the moments of q, and log N(z; mean, std^2) - log p(z)."""
        mean, std = ops.stop_gradient(q.mean), ops.stop_gradient(q.std)
        return Compared((z - mean) / std, self._known(z, mean, std))

    def rate(self, x, z):
        """The estimate of log q(z|x) - log p(z) of each image, (B,) nats."""
        mean, std = self._moments(x)
        return self.critic([*x, (z - mean) / std]) + self._known(z, mean, std)

    def _known(self, z, mean, std):
        return ops.sum(log_normal(z, mean, std, ops.log(std)), axis=-1) - self.log_prior(z)
