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
        n_views: what stands behind so many entries, the condition, stays as it is; None: all are views.

    References:
        Burda et al. (2016) for dynamic binarisation.
    """

    def __init__(self, *, dynamic, standardize, seed, n_views=None):
        super().__init__(name="preprocessing", dtype="float32")
        self.dynamic, self.standardize, self.n_views = dynamic, standardize, n_views
        self.noise = Noise(seed, "binarize_noise")
        self.built = True

    def call(self, x, training=False):
        """Tuple of views as stored, (B, H, W, C) each -> tuple of float32 views."""
        return self._of_views(lambda view: self._view(view, training), x)

    def _of_views(self, function, x):
        return (*map(function, x[: self.n_views]), *(() if self.n_views is None else x[self.n_views :]))

    def _view(self, x, training):
        stored = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32")
        if stored == "uint8":
            x = x * (1.0 / 255.0)
        if self.dynamic and training:
            x = ops.cast(self.noise.uniform(ops.shape(x), training) < x, "float32")
        return self.to_network(x)

    def all_to_network(self, x):
        """`to_network` of views in [0, 1]."""
        return self._of_views(self.to_network, x)

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
