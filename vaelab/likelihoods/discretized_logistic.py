"""p(x|z) = prod_i P(round to k_i / 255) of a logistic variable: a probability of 8-bit images."""

import math
from typing import Literal

from keras import activations, layers, ops, random

from vaelab.config.types import PositiveFloat
from vaelab.likelihoods.channels import first_channels

SMALLEST_SCALE = 1e-4  # a level is 1 / 255 = 39 such scales wide: nothing is gained below
HALF_LEVEL = 0.5 / 255


class DiscretizedLogistic(layers.Layer):
    """P(x = k/255) = F((x + 1/510 - mean) / s) - F((x - 1/510 - mean) / s), F logistic; 0 and 1 take the tails.

    The distortion is in nats; divided by H W C log 2 it is in bits per dimension.

    Args:
        scale: s, the fixed value or where learning starts, in units of the pixel range [0, 1]. A learned s has 1e-4
            added, so that it cannot vanish.
        learned: none | scalar | pixel (the decoder's second half of channels is the change of log s).
        mean_activation: what maps the decoder's output to the mean.

    References:
        Kingma et al. (2016), Improved variational inference with inverse autoregressive flow; Salimans et al. (2017).
    """

    discrete = True
    unit_interval = True  # means nothing of pixels outside [0, 1]

    def __init__(
        self,
        *,
        scale: PositiveFloat,
        learned: Literal["none", "scalar", "pixel"],
        mean_activation: Literal["linear", "sigmoid"],
    ):
        super().__init__(name="likelihood", dtype="float32")
        self.mean_activation, self.per_pixel = mean_activation, learned == "pixel"
        self.fixed = learned == "none"
        self.log_scale = self.add_weight(
            shape=(),
            initializer=lambda shape, dtype=None: ops.full(shape, math.log(scale), dtype),
            trainable=learned == "scalar",
            name="log_scale",
        )

    def channels(self, data_channels):
        """Decoder channels per pixel: one location, and one log-scale where it is the pixel's own, per data channel."""
        return 2 * data_channels if self.per_pixel else data_channels

    def log_prob(self, x, params):
        """log P(x|z) in nats.

        With a, b the upper and lower edge in units of s: log(F(a) - F(b)) = log F(a) + log F(-b) + log(1 - exp(b - a)).

        Args:
            x: (B, H, W, C), multiples of 1 / 255.
            params: (B, H, W, C') or (S, B, H, W, C').
        Returns:
            (B,) or (S, B).
        """
        log_scale = self._log_scale(params)
        inverse = ops.exp(-log_scale)
        distance = x - self._location(params)
        upper, lower = (distance + HALF_LEVEL) * inverse, (distance - HALF_LEVEL) * inverse
        log_below, log_above = -ops.softplus(-upper), -ops.softplus(lower)
        inside = log_below + log_above + ops.log(-ops.expm1(-2 * HALF_LEVEL * inverse))
        tails = ops.where(x < HALF_LEVEL, log_below, ops.where(x > 1.0 - HALF_LEVEL, log_above, inside))
        return ops.sum(tails, axis=(-3, -2, -1))

    def _location(self, params):
        values = params[..., : params.shape[-1] // 2] if self.per_pixel else params
        return activations.get(self.mean_activation)(values)

    def _log_scale(self, params):
        rho = params[..., params.shape[-1] // 2 :] if self.per_pixel else 0.0
        log_scale = rho + self.log_scale
        if self.fixed:
            return log_scale
        return ops.logaddexp(log_scale, ops.full_like(log_scale, math.log(SMALLEST_SCALE)))

    def mean(self, params):
        """The logistic's location, which is E[x|z] up to rounding and the tails, the shape of the data."""
        return self._location(params)

    def exported(self, params):
        """`mean` as a symbolic tensor made of built-in layers."""
        values = first_channels(params, params.shape[-1] // 2) if self.per_pixel else params
        return layers.Activation(self.mean_activation, name="image_mean")(values)

    def sample(self, params, seed):
        """x ~ P(x|z), multiples of 1 / 255 of the data's shape."""
        location = self._location(params)
        u = ops.clip(random.uniform(ops.shape(location), seed=seed), 1e-6, 1.0 - 1e-6)
        draw = location + ops.exp(self._log_scale(params)) * (ops.log(u) - ops.log1p(-u))
        return ops.round(255.0 * ops.clip(draw, 0.0, 1.0)) / 255.0

    def learned(self):
        """{"scale": s} where one was learned for all pixels, else {}."""
        return (
            {"scale": float(ops.convert_to_numpy(ops.exp(self._log_scale(None))))} if self.log_scale.trainable else {}
        )

    def misfit(self, data):
        """A sentence where the data (`data_kind`, `eight_bit`) are not what this likelihood describes, else None."""
        if data.data_kind in ("standardised", "real"):
            return (
                f"The discretised logistic is a probability of 8-bit pixels; these are {data.data_kind}. "
                "Use likelihood=gaussian or dataset.standardize=false."
            )
        if data.data_kind in ("threshold", "static", "dynamic", "binary"):
            return f"The discretised logistic spends 256 levels on {data.data_kind} pixels. Use likelihood=bernoulli."
        if not data.eight_bit:
            return (
                "The discretised logistic is a probability of the 256 levels k / 255; these pixels lie between them, "
                "and its value is no likelihood of them. Use likelihood=gaussian or likelihood=continuous_bernoulli."
            )
        return None
