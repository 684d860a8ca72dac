"""Fits a density to codes by maximum likelihood, without the model they come from."""

from typing import Any

import keras
import numpy as np
from keras import ops


class Density(keras.Model):
    """z (B, D) -> log p(z); the loss is its negative mean, in nats."""

    def __init__(self, prior):
        super().__init__(name="density", dtype="float32")
        self.prior = prior
        self.built = True

    def call(self, z, training=False):
        """log p(z), (B,)."""
        return self.prior.log_prob(z)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """-E log p(z)."""
        return -ops.mean(y_pred)


class _Draws(keras.utils.PyDataset):
    """Batches of codes drawn anew for every epoch."""

    def __init__(self, draw, batch_size):
        super().__init__(workers=1)
        self.draw, self.batch_size = draw, batch_size
        self.z = draw(0)

    def __len__(self):
        return -(-len(self.z) // self.batch_size)

    def __getitem__(self, index):
        return (self.z[index * self.batch_size : (index + 1) * self.batch_size],)


class _NextEpoch(keras.callbacks.Callback):
    def __init__(self, draws):
        super().__init__()
        self.draws = draws

    def on_epoch_begin(self, epoch, logs=None):
        self.draws.z = self.draws.draw(epoch)


def fit_density(prior, draw, *, epochs, batch_size, learning_rate) -> list[float]:
    """Moves the weights of a prior towards the density of codes; -E log p(z) in nats, epoch by epoch.

    Adam, its learning rate falling to 0 along a half cosine.

    Args:
        prior: a Keras layer with `log_prob`.
        draw: function (epoch) -> codes (N, D) float32, in an order of their own.
    """
    draws = _Draws(draw, batch_size)
    rate: Any = keras.optimizers.schedules.CosineDecay(learning_rate, max(epochs * len(draws), 1))
    model = Density(prior)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    done: Any = model.fit(draws, epochs=epochs, shuffle=False, verbose=0, callbacks=[_NextEpoch(draws)])  # pyright: ignore[reportArgumentType]
    return [float(np.float64(v)) for v in done.history["loss"]]
