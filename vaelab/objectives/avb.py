"""Adversarial variational Bayes."""

from typing import Literal

from vaelab.config.types import Activation, Fraction, PositiveFloat, PositiveInt
from vaelab.contracts import Prior, optional
from vaelab.errors import ConfigError
from vaelab.objectives.adversarial import Adversarial, Compared
from vaelab.objectives.critics import ViewInputs, inner_product


class AVB(Adversarial):
    """The critic compares z ~ q(z|x) with z ~ p(z): T = <f(x), g(z)>, with several views the sum of one term each.

    Works with every posterior; with a closed-form one the true rate is known and the critic's can be compared with it.

    Args:
        hidden_dims: of both towers.
        critic_views: separate: sum_i T_i(x_i, [private_i, shared]), one logit; joint: one critic of all views.
        critic_learning_rate, critic_beta_1, critic_steps: see `Adversarial`.
    """

    def __init__(
        self,
        *,
        hidden_dims: list[PositiveInt],
        activation: Activation,
        critic_views: Literal["separate", "joint"],
        critic_learning_rate: PositiveFloat | None,
        critic_beta_1: Fraction | None,
        critic_steps: PositiveInt,
        structure,
        seed,
    ):
        if not hidden_dims:
            raise ConfigError("objective.hidden_dims: expected at least one number, got [].")
        draw = optional(structure.prior, Prior, "draw")
        if draw is None:
            name = optional(structure.prior, Prior, "option")
            raise ConfigError(
                f"objective=avb draws from the prior while it trains, and prior={name} has no `draw`. Use "
                "prior=standard or objective=avb_ac."
            )
        if optional(structure.prior, Prior, "trainable_variables"):
            name = optional(structure.prior, Prior, "option")
            raise ConfigError(
                f"objective=avb moves no weight of a prior, and prior={name} has some. Use prior=standard."
            )
        super().__init__(
            critic=inner_product(
                ViewInputs(structure, critic_views == "joint"), hidden_dims=hidden_dims, activation=activation
            ),
            critic_learning_rate=critic_learning_rate,
            critic_beta_1=critic_beta_1,
            critic_steps=critic_steps,
            seed=seed,
        )
        self._draw = draw

    def others(self, n, training):
        """Draws from the prior."""
        return self._draw(n, self.prior_noise, training)

    def compared(self, z, q):
        """z itself; nothing is known beforehand."""
        return Compared(z, 0.0)

    def rate(self, x, z):
        """The critic's log q(z|x) - log p(z) of each image, (B,) nats."""
        return self.critic([*x, z])
