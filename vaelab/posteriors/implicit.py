"""q(z|x) given by draws alone: z = f(x, eps), eps ~ N(0, I)."""

import math
from typing import Literal

import keras
from keras import layers

from vaelab.compute.noise import Noise
from vaelab.config.types import PositiveInt


class Implicit(layers.Layer):
    """Noise joins the encoder's body; z is a linear head on its features. q(z|x) has no density that could be computed.

    At the input the noise joins the image in the scale 2x - 1 and is handed to the body in the scale of x again.

    Args:
        noise_dim: K, size of eps.
        join: where eps meets x, n = H * W * C. add: x + A eps, A (n, K) learned. concatenate: eps behind a vector
            (1, n, 1), or as K constant channels of an image. product: the outer product x eps', (H, W, C * K).
            inside: where the body takes it (behind the first convolution; beside the pixels of dense nets).
        latent_dim: D.
        seed: the run's seed, for eps.

    References:
        Mescheder, Nowozin & Geiger (2017), Adversarial Variational Bayes.
    """

    option = "implicit"
    closed_form = has_moments = False
    head_noise_dim = 0

    def __init__(
        self,
        *,
        noise_dim: PositiveInt,
        join: Literal["inside", "add", "concatenate", "product"],
        latent_dim,
        seed,
        name="posterior",
    ):
        super().__init__(name=name, dtype="float32")
        self.noise_dim, self.join, self.latent_dim, self.seed = noise_dim, join, latent_dim, seed
        prefix = "" if name == "posterior" else f"{name}_"
        self.z_head = layers.Dense(latent_dim, name=f"{prefix}z", dtype="float32")

    def build(self, features_shape):
        self.z_head.build(features_shape)

    def make_noise(self, name):
        """The stream of one view's eps."""
        return Noise(self.seed, name)

    def body(self, make_encoder, data_shape):
        """Functional model [image (B, H, W, C), noise (B, K)] -> features.

        Args:
            make_encoder: the architecture's `encoder`.
        """
        if self.join == "inside":
            return make_encoder(data_shape, self.noise_dim)
        image, noise = keras.Input(data_shape, name="image"), keras.Input((self.noise_dim,), name="noise")
        centered = layers.Rescaling(2.0, -1.0, name="noise_center")(image)
        joined = getattr(self, f"_{self.join}")(centered, noise, data_shape)
        joined = layers.Rescaling(0.5, 0.5, name="noise_uncenter")(joined)
        inner = make_encoder(tuple(joined.shape[1:]))
        return keras.Model([image, noise], inner(joined), name="encoder")

    def _add(self, image, noise, shape):
        added = layers.Dense(math.prod(shape), name="noise_map")(noise)
        return layers.Add(name="join_noise")([image, layers.Reshape(shape, name="noise_image")(added)])

    def _concatenate(self, image, noise, shape):
        height, width, channels = shape
        if height == channels == 1:
            row = layers.Reshape((1, self.noise_dim, 1), name="noise_row")(noise)
            return layers.Concatenate(axis=2, name="join_noise")([image, row])
        plane = layers.RepeatVector(height * width, name="noise_repeated")(noise)
        plane = layers.Reshape((height, width, self.noise_dim), name="noise_image")(plane)
        return layers.Concatenate(axis=3, name="join_noise")([image, plane])

    def _product(self, image, noise, shape):
        height, width, channels = shape
        pixels = layers.Reshape((math.prod(shape), 1), name="noise_pixels")(image)
        row = layers.Reshape((1, self.noise_dim), name="noise_row")(noise)
        product = layers.Dot(axes=(2, 1), name="join_noise")([pixels, row])  # (B, H * W * C, K)
        return layers.Reshape((height, width, channels * self.noise_dim), name="noise_image")(product)

    def call(self, features, training=False, samples=None, eps=None):
        """features (B, F), which hold the noise -> z (B, D), None."""
        if samples is not None:
            raise ValueError("An implicit posterior draws one z for each pass through the encoder.")
        return self.z_head(features), None

    def exported(self, features, noise=None):
        """z as a symbolic tensor made of built-in layers."""
        return self.z_head(features)

    def layer_rows(self):
        """(layer, type, output shape, parameters) of the head."""
        return [(self.z_head.name, "Dense", (self.latent_dim,), self.z_head.count_params())]
