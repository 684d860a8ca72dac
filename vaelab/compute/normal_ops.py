"""The normal distribution in Keras's tensors, nats."""

from keras import ops

from vaelab.compute.normal import LOG_2PI


def log_normal(z, mean, std, log_std):
    """log N(z; mean, std^2), each latent by itself."""
    return -0.5 * ops.square((z - mean) / std) - log_std - 0.5 * LOG_2PI


def log_std_and_share(q, p):
    """(log std of the Gaussian that is proportional to N(q) N(p), the share of q's mean in its own), latent by latent.

    Precisions add up: 1 / s^2 = 1 / s_q^2 + 1 / s_p^2, and the share is s^2 / s_q^2.
    """
    apart = 2.0 * (q.log_std - p.log_std)
    return q.log_std - 0.5 * ops.softplus(apart), ops.sigmoid(-apart)


def rate_of_gaussians(q, p):
    """KL(q || p) of diagonal Gaussians (mean, std, log_std), each latent by itself, never negative."""
    return p.log_std - q.log_std + 0.5 * (ops.square(q.std / p.std) + ops.square((q.mean - p.mean) / p.std) - 1.0)
