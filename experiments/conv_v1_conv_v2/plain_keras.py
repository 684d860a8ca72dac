"""The same training without vaelab: conv_v1 with 2 latents on MNIST in plain Keras, with or without the published slip.

python plain_keras.py FOLDER [--epochs 50] [--slip] [--per-pixel]

FOLDER holds MNIST's four .gz files. `--slip` samples with std = exp(log_var), as published. Prints after each epoch the
published loss, (distortion + 0.392 rate) / 784, on the training and on the test images.

The loss that is minimised is in nats. The published one, `--per-pixel`, is 784 times smaller, which Keras 2's RMSprop
does not feel, g / (sqrt(v) + epsilon), but Keras 3's does, g / sqrt(v + epsilon): its epsilon of 1e-7 outweighs such
small v. What is left of a step is printed too: the median over the weights of sqrt(v / (v + epsilon)).
"""

import argparse
import gzip
import os
from pathlib import Path

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import keras
import numpy as np
from keras import layers, ops


def images(folder, name):
    """uint8 (N, 28, 28, 1)."""
    content = gzip.decompress((Path(folder) / f"{name}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28, 1)


def networks():
    """(image -> mean, log variance; z -> logits)"""
    image, z = keras.Input((28, 28, 1)), keras.Input((2,))
    x = image
    for _ in range(2):
        x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    y = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu")(z))
    for _ in range(2):
        y = layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu")(y)
    y = layers.Conv2D(1, 3, padding="same")(y)
    return keras.Model(image, [layers.Dense(2)(x), layers.Dense(2)(x)]), keras.Model(z, y)


class VAE(keras.Model):
    """uint8 images -> (mean, log variance, logits)."""

    def __init__(self, slip, divisor):
        super().__init__()
        self.divisor = divisor
        self.encoder, self.decoder = networks()
        self.power, self.seed = 1.0 if slip else 0.5, keras.random.SeedGenerator(0)
        self.built = True

    def call(self, x):
        mean, log_var = self.encoder(ops.cast(x, "float32") / 255.0)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean, log_var, self.decoder(mean + ops.exp(self.power * log_var) * noise)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_var, logits = y_pred
        grey = ops.cast(x, "float32") / 255.0
        distortion = ops.sum(ops.binary_crossentropy(grey, logits, from_logits=True), axis=(1, 2, 3))
        rate = 0.5 * ops.sum(mean**2 + ops.exp(log_var) - 1 - log_var, axis=-1)
        return ops.mean(distortion + 0.392 * rate) / self.divisor


def undamped_share(optimizer):
    """Median over the weights that have a gradient of sqrt(v / (v + epsilon)): a step beside one with epsilon = 0."""
    v = np.concatenate([ops.convert_to_numpy(v).ravel() for v in optimizer._velocities]).astype("float64")
    return np.median(np.sqrt(v[v > 0] / (v[v > 0] + optimizer.epsilon)))


asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
asked.add_argument("folder")
asked.add_argument("--epochs", type=int, default=50)
asked.add_argument("--slip", action="store_true")
asked.add_argument("--per-pixel", action="store_true")
asked = asked.parse_args()
keras.utils.set_random_seed(0)
train, test = images(asked.folder, "train"), images(asked.folder, "t10k")
divisor = 784 if asked.per_pixel else 1
vae = VAE(asked.slip, divisor)
vae.compile(keras.optimizers.RMSprop(1e-3))
for epoch in range(1, asked.epochs + 1):
    loss = vae.fit(train, batch_size=100, verbose=0).history["loss"][0]
    both = [part * divisor / 784 for part in (loss, vae.evaluate(test, batch_size=500, verbose=0))]
    step = undamped_share(vae.optimizer)
    print(f"epoch {epoch}: training {both[0]:.4f}, test {both[1]:.4f}, step {step:.3f} of an undamped one", flush=True)
