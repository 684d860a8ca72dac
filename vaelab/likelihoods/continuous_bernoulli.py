"""p(x|z) = prod_i C(eta_i) exp(eta_i x_i - softplus(eta_i)) on [0, 1]: a density of grey levels."""

import math

import numpy as np
from keras import initializers, layers, ops, random

NEAR_HALF = 0.5  # below this |logit| the series is more precise than the quotient
NODES = 32  # of the quadrature behind the exported mean


class ContinuousBernoulli(layers.Layer):
    """The Bernoulli's cross-entropy with the constant that makes it a density of grey levels in [0, 1].

    With logit eta the density is exp(eta x) eta / (exp(eta) - 1), so log C(eta) = log(eta / tanh(eta / 2)), which is
    log 2 at eta = 0 (lambda = 1/2). The mean is 1 / (1 - exp(-eta)) - 1 / eta and not sigmoid(eta).

    References:
        Loaiza-Ganem & Cunningham (2019), The continuous Bernoulli: fixing a pervasive error in VAEs.
    """

    discrete = False
    unit_interval = True  # means nothing of pixels outside [0, 1]

    def __init__(self):
        super().__init__(name="likelihood", dtype="float32")

    def channels(self, data_channels):
        """Decoder channels per pixel: one logit for each data channel."""
        return data_channels

    def log_prob(self, x, params):
        """log p(x|z) in nats, a density of pixels in [0, 1].

        Args:
            x: (B, H, W, C) in [0, 1].
            params: logits, (B, H, W, C) or (S, B, H, W, C).
        Returns:
            (B,) or (S, B).
        """
        cross_entropy = x * params - ops.softplus(params)
        return ops.sum(cross_entropy + log_constant(params), axis=(-3, -2, -1))

    def mean(self, params):
        """E[x|z] = 1/2 + (coth(eta / 2) - 2 / eta) / 2, the shape of the data."""
        small, safe = _apart(params)
        series = params / 12.0 - params**3 / 720.0 + params**5 / 30240.0
        return 0.5 + ops.where(small, series, 0.5 / ops.tanh(0.5 * safe) - 1.0 / safe)

    def exported(self, params):
        """`mean` as a symbolic tensor made of built-in layers.

        E[x] = sum_k u_k softmax_k(eta u_k + log w_k) with Gauss-Legendre nodes u_k and weights w_k on [0, 1]: a 1x1
        convolution with these numbers, a softmax and a second convolution. Exact to 1e-5 for |eta| < 60.
        """
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
        height, width, channels = params.shape[1:]
        pixels = layers.Reshape((height * width * channels, 1), name="logits")(params)
        exponents = _fixed(NODES, nodes[None, :], np.log(weights), "quadrature")(pixels)
        shares = layers.Softmax(name="shares")(exponents)
        mean = _fixed(1, nodes[:, None], np.zeros(1), "quadrature_mean")(shares)
        return layers.Reshape((height, width, channels), name="image_mean")(mean)

    def sample(self, params, seed):
        """x ~ p(x|z) of the data's shape, by the inverse of the distribution function."""
        u = random.uniform(ops.shape(params), seed=seed)
        falling = -ops.maximum(ops.abs(params), 1e-3)  # log(1 + u (e^eta - 1)) / eta of a negative eta
        x = ops.log1p(u * ops.expm1(falling)) / falling
        return ops.where(params < 0, x, 1.0 - x)

    def learned(self):
        """{}: no number was learned beside the decoder."""
        return {}

    def misfit(self, data):
        """A sentence where the data (`data_kind`, `eight_bit`) are not what this likelihood describes, else None."""
        if data.data_kind in ("threshold", "static", "dynamic", "binary"):
            return (
                f"A continuous density of {data.data_kind} pixels is no probability of them. Use likelihood=bernoulli."
            )
        if data.data_kind in ("standardised", "real"):
            return (
                f"The continuous Bernoulli needs pixels in [0, 1]; these are {data.data_kind}. Use likelihood=gaussian."
            )
        return None


def log_constant(eta):
    """log C(eta) = log(eta / tanh(eta / 2)); near 0 its series log 2 + y^2/3 - 7 y^4/90 + 62 y^6/2835, y = eta / 2."""
    small, safe = _apart(eta)
    y = ops.square(0.5 * eta)
    series = math.log(2.0) + y * (1 / 3 + y * (-7 / 90 + y * (62 / 2835)))
    return ops.where(small, series, ops.log(safe / ops.tanh(0.5 * safe)))


def _apart(eta):
    """(|eta| is small, eta with small values replaced), so that neither branch of a `where` has a wild gradient."""
    small = ops.abs(eta) < NEAR_HALF
    return small, ops.where(small, ops.ones_like(eta), eta)


def _fixed(units, kernel, bias, name):
    """A dense layer with given, untrained weights."""
    return layers.Dense(
        units, trainable=False, dtype="float32", name=name,
        kernel_initializer=_Given(kernel),  # pyright: ignore[reportArgumentType]  not annotated: taken to be text
        bias_initializer=_Given(bias),  # pyright: ignore[reportArgumentType]  the same
    )  # fmt: skip


def _Given(values):
    """A constant initializer of an array, stored as nested lists."""
    return initializers.Constant(np.asarray(values, np.float32).tolist())
