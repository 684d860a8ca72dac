"""The same training without vaelab: a dense VAE on MNIST in plain Keras.

python plain_keras.py FOLDER [--latents 10] [--hidden 512] [--batch 100] [--epochs 10] [--slip]

FOLDER holds MNIST's four .gz files. `--slip` samples with std = exp(log_var). Prints the distortion at z = mean and the
loss on the 10,000 test digits, nats per image.
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
    """(N, 784) in [0, 1]."""
    content = gzip.decompress((Path(folder) / f"{name}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 784).astype("float32") / 255


class VAE(keras.Model):
    """784 -> hidden -> latents -> hidden -> 784."""

    def __init__(self, hidden, latents, slip):
        super().__init__()
        self.encode, self.decode = layers.Dense(hidden, "relu"), layers.Dense(hidden, "relu")
        self.mean, self.log_var, self.logits = layers.Dense(latents), layers.Dense(latents), layers.Dense(784)
        self.power, self.seed = 1.0 if slip else 0.5, keras.random.SeedGenerator(1)

    def distortion(self, x, z):
        """Cross-entropy summed over the pixels, mean over the images."""
        logits = self.logits(self.decode(z))
        return ops.mean(ops.sum(ops.softplus(logits) - logits * x, axis=-1))

    def call(self, x):
        hidden = self.encode(x)
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        z = mean + ops.exp(self.power * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed)
        rate = ops.mean(0.5 * ops.sum(mean**2 + ops.exp(log_var) - 1 - log_var, axis=-1))
        self.add_loss(self.distortion(x, z) + rate)
        return mean


asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
asked.add_argument("folder")
for name, default in (("latents", 10), ("hidden", 512), ("batch", 100), ("epochs", 10)):
    asked.add_argument(f"--{name}", type=int, default=default)
asked.add_argument("--slip", action="store_true")
asked = asked.parse_args()
keras.utils.set_random_seed(0)
train, test = images(asked.folder, "train"), images(asked.folder, "t10k")
vae = VAE(asked.hidden, asked.latents, asked.slip)
vae.compile(keras.optimizers.RMSprop(1e-3))
vae.fit(train, epochs=asked.epochs, batch_size=asked.batch, verbose=0)
at_mean = float(vae.distortion(test, vae.mean(vae.encode(test))))
print(f"distortion at the mean {at_mean:.1f}, loss {vae.evaluate(test, batch_size=1000, verbose=0):.1f}")
