"""Several critic steps for each step of encoder and decoder: the one training step that is written for TensorFlow."""

from vaelab.training.vae import VAEModel


class AlternatingVAE(VAEModel):
    """A `VAEModel` whose training step first lets the critic take `objective.critic_steps` steps on the same batch.

    Each of them draws new posterior and prior noise. Then encoder and decoder take theirs with the critic as it is.
    """

    def single_step(self, data):
        import tensorflow as tf

        (x,) = data
        critic = self.objective.critic_variables
        for _ in range(self.objective.critic_steps):
            seen, outputs = self(x, training=True)
            with tf.GradientTape() as tape:
                loss = self.objective.critic_loss(seen, outputs, True)
            self.optimizer.apply_critic(tape.gradient(loss, critic), critic)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y_pred=y_pred, training=True)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(y_pred.x[0])[0])
        held = {id(v) for v in critic}
        others = [v for v in self.trainable_variables if id(v) not in held]
        self.optimizer.apply_gradients(zip(tape.gradient(loss, others), others))
        return self.get_metrics_result()
