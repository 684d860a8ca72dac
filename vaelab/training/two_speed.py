"""Adam with a second learning rate and beta_1 for a critic: the one file that overrides a private step of Keras."""

from typing import Any

import keras
from keras import ops


class TwoSpeedAdam(keras.optimizers.Adam):
    """Adam for all weights, those of the critic at a speed of their own.

    m += (1 - beta_1) (g - m); v += (1 - beta_2) (g^2 - v);
    w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + eps),
    t the number of updates of w. A schedule multiplies both learning rates.

    Args:
        learning_rate, beta_1, epsilon, global_clipnorm: as in Keras.
        critic: the critic's variables.
        critic_scale: critic's learning rate / learning rate.
        critic_beta_1: beta_1 of the critic's weights.
        alternating: whether the critic takes steps of its own (`apply_critic`) instead of moving with the others.
    """

    iterations: Any  # a variable as soon as there is an optimizer, which its own annotation leaves open

    def __init__(
        self, learning_rate, *, beta_1, epsilon, global_clipnorm, critic, critic_scale, critic_beta_1, alternating=False
    ):
        super().__init__(learning_rate, beta_1=beta_1, epsilon=epsilon, global_clipnorm=global_clipnorm)
        self._critic_ids = {id(v) for v in critic}
        self._critic_scale, self._critic_beta_1, self._alternating = critic_scale, critic_beta_1, alternating

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._of_critic = [id(v) in self._critic_ids for v in variables]
        if self._alternating:
            self.critic_updates = self.add_variable(shape=(), initializer="zeros", dtype="int", name="critic_updates")

    def update_step(self, gradient, variable, learning_rate):
        """One update of one variable."""
        index = self._get_variable_index(variable)
        updates = self.iterations
        if self._of_critic[index]:
            learning_rate, beta_1 = learning_rate * self._critic_scale, self._critic_beta_1
            updates = self.critic_updates if self._alternating else updates
        else:
            beta_1 = self.beta_1
        dtype = variable.dtype
        gradient, t = ops.cast(gradient, dtype), ops.cast(updates + 1, dtype)
        m, v = self._momentums[index], self._velocities[index]
        correction = ops.sqrt(1.0 - ops.power(ops.cast(self.beta_2, dtype), t)) / (
            1.0 - ops.power(ops.cast(beta_1, dtype), t)
        )
        self.assign_add(m, (gradient - m) * (1.0 - beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1.0 - self.beta_2))
        self.assign_sub(variable, ops.cast(learning_rate, dtype) * correction * m / (ops.sqrt(v) + self.epsilon))

    def apply_critic(self, gradients, variables):
        """One step of the critic alone; the counter of the others stays."""
        rate = self._get_current_learning_rate()
        for gradient, variable in zip(self._clip_gradients(gradients), variables):
            self.update_step(gradient, variable, rate)
        self.critic_updates.assign_add(1)
