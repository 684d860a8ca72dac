"""The normal distribution in Keras's tensors, nats."""

from keras import ops

from vaelab.compute.normal import LOG_2PI


def log_normal(z, mean, std, log_std):
    """log N(z; mean, std^2), each latent by itself."""
    return -0.5 * ops.square((z - mean) / std) - log_std - 0.5 * LOG_2PI


def rate_of_gaussians(q, p):
    """KL(q || p) of diagonal Gaussians (mean, std, log_std), each latent by itself, never negative."""
    return p.log_std - q.log_std + 0.5 * (ops.square(q.std / p.std) + ops.square((q.mean - p.mean) / p.std) - 1.0)
