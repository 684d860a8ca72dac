"""Stored pixels to what the network sees, inside the compiled program: scale, binarise, standardise."""

import keras
from keras import ops

from vaelab.compute.noise import Noise


class Preprocessing(keras.layers.Layer):
    """uint8 -> [0, 1]; dynamic binarisation at training only; (x - mean) / std where standardised.

    Args:
        dynamic: draw each pixel from Bernoulli(intensity) anew at every training step. Evaluation gets images that
            the dataset binarised once.
        standardize: (mean, std) of the training pixels, or None.
        seed: the run's seed.

    References:
        Burda et al. (2016) for dynamic binarisation.
    """

    def __init__(self, *, dynamic, standardize, seed):
        super().__init__(name="preprocessing", dtype="float32")
        self.dynamic, self.standardize = dynamic, standardize
        self.noise = Noise(seed, "binarize_noise")
        self.built = True

    def call(self, x, training=False):
        """Tuple of views as stored, (B, H, W, C) each -> tuple of float32 views."""
        return tuple(self._view(view, training) for view in x)

    def _view(self, x, training):
        stored = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32")
        if stored == "uint8":
            x = x * (1.0 / 255.0)
        if self.dynamic and training:
            x = ops.cast(self.noise.uniform(ops.shape(x), training) < x, "float32")
        return self.to_network(x)

    def to_network(self, x):
        """[0, 1] -> what the network sees; for tensors and symbolic tensors."""
        if self.standardize is None:
            return x
        mean, std = self.standardize
        return keras.layers.Rescaling(1.0 / std, -mean / std, name="standardize")(x)

    def to_image(self, x):
        """What the network sees -> [0, 1]."""
        if self.standardize is None:
            return x
        mean, std = self.standardize
        return keras.layers.Rescaling(std, mean, name="to_image")(x)
