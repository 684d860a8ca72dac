"""p(x|z) = prod_i Bernoulli(x_i; sigmoid(logit_i))."""

from keras import layers, ops, random


class Bernoulli(layers.Layer):
    """Pixels are 0 or 1 with probability sigmoid(logit). Grey levels in [0, 1] train, but give no likelihood."""

    discrete = True
    unit_interval = True  # means nothing of pixels outside [0, 1]

    def __init__(self):
        super().__init__(name="likelihood", dtype="float32")

    def channels(self, data_channels):
        """Decoder channels per pixel: one logit for each data channel."""
        return data_channels

    def log_prob(self, x, params):
        """log p(x|z) in nats.

        sum_i x_i logit_i - softplus(logit_i), the binary cross-entropy from logits.

        Args:
            x: (B, H, W, C) in [0, 1].
            params: logits, (B, H, W, C) or (S, B, H, W, C).
        Returns:
            (B,) or (S, B).
        """
        return ops.sum(x * params - ops.softplus(params), axis=(-3, -2, -1))

    def least_distortion(self, x):
        """The pixels' own entropy, -sum_i x_i log x_i + (1 - x_i) log(1 - x_i): what grey levels cost at logit(x).

        Returns:
            (B,), in nats; 0 for binary pixels.
        """
        both = ops.stack([x, 1 - x])
        return -ops.sum(both * ops.log(ops.maximum(both, 1e-30)), axis=(0, -3, -2, -1))

    def mean(self, params):
        """E[x|z] = sigmoid(logits), the shape of the data."""
        return ops.sigmoid(params)

    def exported(self, params):
        """`mean` as a symbolic tensor made of built-in layers."""
        return layers.Activation("sigmoid", name="image_mean")(params)

    def sample(self, params, seed):
        """x ~ p(x|z), zeros and ones of the data's shape."""
        return ops.cast(random.uniform(ops.shape(params), seed=seed) < ops.sigmoid(params), "float32")

    def learned(self):
        """{}: no number was learned beside the decoder."""
        return {}

    def misfit(self, data):
        """A sentence where the data (`data_kind`, `eight_bit`) are not what this likelihood describes, else None."""
        if data.data_kind in ("grey", "rgb"):
            return (
                "Bernoulli on intensities is a cross-entropy, no likelihood. It trains well; do not compare its value "
                "with published log-likelihoods. Use dataset.binarize=dynamic for one."
            )
        if data.data_kind in ("standardised", "real"):
            return f"Bernoulli needs pixels in [0, 1]; these are {data.data_kind}. Use likelihood=gaussian."
        return None
