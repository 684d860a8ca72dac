"""How badly an image comes back."""

from vaelab.config.types import PositiveInt


def distortion(view, *, samples: PositiveInt):
    """-E_q log p(x|z), in nats; larger is stranger. One pass through encoder and decoder.

    Of grey pixels under a Bernoulli it holds their own entropy, which bright and mid-grey images pay however well they
    come back: see `excess_distortion`.

    Args:
        samples: draws of z per image.

    References:
        An & Cho (2015), Variational autoencoder based anomaly detection using reconstruction probability.
    """
    return lambda seen: seen.distortion(samples)
