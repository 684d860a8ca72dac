"""The trainings of `benchmarks/sweep.py` in plain Keras: one process, one after the other, `fit` and nothing else."""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

jobs, images, epochs, start = json.loads(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)


class VAE(keras.Model):
    """784-512-D-512-784 with Bernoulli pixels."""

    def __init__(self, latent_dim, beta, seed):
        super().__init__()
        keras.utils.set_random_seed(seed)
        self.beta, self.noise = beta, keras.random.SeedGenerator(seed)
        image, z = keras.Input((28, 28, 1)), keras.Input((latent_dim,))
        x = layers.Dense(512, activation="relu")(layers.Flatten()(image))
        self.encoder = keras.Model(image, [layers.Dense(latent_dim)(x), layers.Dense(latent_dim)(x)])
        y = layers.Dense(784)(layers.Dense(512, activation="relu")(z))
        self.decoder = keras.Model(z, layers.Reshape((28, 28, 1))(y))

    def call(self, x):
        mean, log_var = self.encoder(x)
        z = mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean, log_var, self.decoder(z)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_var, logits = y_pred
        distortion = ops.sum(ops.binary_crossentropy(x, logits, from_logits=True), axis=(1, 2, 3))
        rate = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - 1.0 - log_var, axis=-1)
        return ops.mean(distortion + self.beta * rate)


x = np.load(f"{start}/train.npy", mmap_mode="r")[:images].astype("float32")[..., :1] / 255.0
held_out = len(x) // 10
for beta, latent_dim, seed in jobs:
    vae = VAE(latent_dim, beta, seed)
    vae.compile(optimizer=keras.optimizers.Adam(1e-3))
    vae.fit(x[held_out:], batch_size=128, epochs=epochs, validation_data=(x[:held_out],), verbose=0)
