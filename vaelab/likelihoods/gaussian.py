"""p(x|z) = prod_i N(x_i; mean_i, variance_i)."""

import math
from typing import Literal

from keras import activations, layers, ops, random

from vaelab.config.types import PositiveFloat
from vaelab.likelihoods.channels import first_channels

ROUNDING = (1 / 255) ** 2 / 12  # variance of rounding to 8 bits: pixels of images are not known better


class Gaussian(layers.Layer):
    """Fixed variance, one learned scalar, or a variance for each pixel from the decoder.

    With variance v the distortion is sum_i (x_i - mean_i)^2 / (2 v) + (n / 2) log(2 pi v): v = 1 halves the square.
    Per pixel, log variance_i = log(variance * exp(rho_i) + rounding): the decoder's second half of channels is rho.

    Args:
        variance: the fixed value, or where learning starts.
        learned: none | scalar | pixel.
        mean_activation: what maps the decoder's output to the mean.

    References:
        Kingma & Welling (2014), appendix C.2; Rybkin, Daniilidis & Levine (2021) for learned variances.
    """

    discrete = False

    def __init__(
        self,
        *,
        variance: PositiveFloat,
        learned: Literal["none", "scalar", "pixel"],
        mean_activation: Literal["linear", "sigmoid", "relu"],
    ):
        super().__init__(name="likelihood", dtype="float32")
        self.mean_activation, self.per_pixel = mean_activation, learned == "pixel"
        self.log_variance = self.add_weight(
            shape=(),
            initializer=lambda shape, dtype=None: ops.full(shape, math.log(variance), dtype),
            trainable=learned == "scalar",
            name="log_variance",
        )

    def channels(self, data_channels):
        """Decoder channels per pixel: one mean, and one rho where the variance is the pixel's own, per data channel."""
        return 2 * data_channels if self.per_pixel else data_channels

    def log_prob(self, x, params):
        """log p(x|z) in nats (a density of the pixels as the network sees them).

        Args:
            x: (B, H, W, C).
            params: (B, H, W, C') or (S, B, H, W, C'), the mean before `mean_activation` [and rho].
        Returns:
            (B,) or (S, B).
        """
        log_variance = self._log_variance(params)
        squared = ops.square(x - self.mean(params))
        per_pixel = -0.5 * (squared * ops.exp(-log_variance) + log_variance + math.log(2 * math.pi))
        return ops.sum(per_pixel, axis=(-3, -2, -1))

    def _log_variance(self, params):
        if not self.per_pixel:
            return self.log_variance
        rho = params[..., params.shape[-1] // 2 :]
        return ops.logaddexp(rho + self.log_variance, ops.full_like(rho, math.log(ROUNDING)))

    def mean(self, params):
        """E[x|z], the shape of the data."""
        values = params[..., : params.shape[-1] // 2] if self.per_pixel else params
        return activations.get(self.mean_activation)(values)

    def exported(self, params):
        """`mean` as a symbolic tensor made of built-in layers."""
        values = first_channels(params, params.shape[-1] // 2) if self.per_pixel else params
        return layers.Activation(self.mean_activation, name="image_mean")(values)

    def sample(self, params, seed):
        """x ~ p(x|z) of the data's shape."""
        mean = self.mean(params)
        return mean + ops.exp(0.5 * self._log_variance(params)) * random.normal(ops.shape(mean), seed=seed)

    def learned(self):
        """{"variance": v} where one was learned for all pixels, else {}."""
        return (
            {"variance": float(ops.convert_to_numpy(ops.exp(self.log_variance)))} if self.log_variance.trainable else {}
        )

    def misfit(self, data):
        """A sentence where the data (`data_kind`, `eight_bit`) are not what this likelihood describes, else None."""
        if data.data_kind in ("threshold", "static", "dynamic", "binary"):
            return f"A Gaussian density of {data.data_kind} pixels is no probability of them. Use likelihood=bernoulli."
        return None
