"""A VAE as one writes it in plain Keras, trained by `fit` with its defaults on float images in memory.

`own_threads`: as many threads as TensorFlow likes to take; else `threads`, inside an operation and between operations.
"""

import os
from pathlib import Path

import numpy as np
from harness.contender import Turns, settings

S = settings()
START = Path(S["start"])
os.environ["KERAS_BACKEND"] = S["backend"]
turns = Turns(S["images"])

import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

if S["backend"] == "tensorflow" and not S["own_threads"]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(S["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(S["threads"])


def networks(network, latent_dim=10):
    """(encoder with its two heads, decoder to logits)."""
    image, z = keras.Input((28, 28, 1)), keras.Input((latent_dim,))
    if network == "dense":
        x = layers.Dense(512, activation="relu", name="encoder-hidden_1")(layers.Flatten()(image))
        y = layers.Dense(512, activation="relu", name="decoder-hidden_1")(z)
        y = layers.Reshape((28, 28, 1))(layers.Dense(784, name="decoder-parameters")(y))
    else:
        x = image
        for n in (1, 2):
            x = layers.Conv2D(64, 3, padding="same", activation="relu", name=f"encoder-convolution_{n}")(x)
            x = layers.MaxPooling2D(2)(x)
        x = layers.Dense(128, activation="relu", name="encoder-features")(layers.Flatten()(x))
        y = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu", name="decoder-expand")(z))
        for n in (1, 2):
            y = layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu", name=f"decoder-up_{n}")(y)
        y = layers.Conv2D(1, 3, padding="same", name="decoder-parameters")(y)
    heads = [layers.Dense(latent_dim, name=f"encoder-{name}")(x) for name in ("mean", "log_var")]
    return keras.Model(image, heads), keras.Model(z, y)


class VAE(keras.Model):
    """x -> (mean, log variance, logits)."""

    def __init__(self, network, noise=None):
        super().__init__()
        self.encoder, self.decoder = networks(network)
        self.seed, self.noise = keras.random.SeedGenerator(0), noise
        arrays = np.load(START / f"{network}.npz")
        for name in arrays.files:
            where, layer, kind = name.split("/")
            getattr(getattr(self, where).get_layer(f"{where}-{layer}"), kind).assign(arrays[name])
        self.built = True

    def call(self, x):
        mean, log_var = self.encoder(x)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed) if self.noise is None else self.noise
        return mean, log_var, self.decoder(mean + ops.exp(0.5 * log_var) * noise)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_var, logits = y_pred
        distortion = ops.sum(ops.binary_crossentropy(x, logits, from_logits=True), axis=(1, 2, 3))
        rate = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - 1.0 - log_var, axis=-1)
        return ops.mean(distortion + rate)


images = np.load(START / "train.npy", mmap_mode="r")[: S["images"]].astype("float32")[..., :1] / 255.0


def losses():
    """Loss of one batch with given noise, before and after a step of Adam."""
    checked = VAE(S["network"], ops.convert_to_tensor(np.load(START / "noise.npy")))
    checked.compile(optimizer=keras.optimizers.Adam(1e-3))
    return [float(checked.train_on_batch(images[:128])), float(checked.test_on_batch(images[:128]))]


class Turn(keras.callbacks.Callback):
    """An epoch is a turn."""

    def on_epoch_end(self, epoch, logs=None):
        turns.next()


vae = VAE(S["network"])
vae.compile(optimizer=keras.optimizers.Adam(1e-3))
turns.ready(parameters=vae.count_params(), losses=losses())
vae.fit(images, batch_size=S["batch"], epochs=1000, callbacks=[Turn()])
