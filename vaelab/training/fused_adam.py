"""Adam on the tensorflow backend in one pass over memory: the one optimizer step that is written for TensorFlow."""

from typing import Any

import keras


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam with the same state and formula; each variable is updated by TensorFlow's one fused operation.

    m += (1 - beta_1) (g - m); v += (1 - beta_2) (g^2 - v);
    w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + eps).
    As separate operations these are a dozen passes over m, v and w: a tenth of a step of a dense net.
    """

    iterations: Any  # a variable as soon as there is an optimizer, which its own annotation leaves open

    def update_step(self, gradient, variable, learning_rate):
        """One update of one variable, which Keras hands over as a tf.Variable."""
        import tensorflow as tf

        index = self._get_variable_index(variable)
        t = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), t),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), t),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
