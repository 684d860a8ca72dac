"""How much an image has to say beyond the prior."""

from vaelab.config.types import PositiveInt
from vaelab.scores import needed


def rate(view, *, samples: PositiveInt):
    """KL(q(z|x) || p(z)), in nats; larger is stranger. One pass through the encoder.

    Args:
        samples: draws of z per image where it has no closed form.

    References:
        Zimmerer et al. (2019), Unsupervised anomaly localization using variational auto-encoders.
    """
    needed.density(view, score="rate")
    return lambda seen: seen.rate(samples)


rate.needs = needed.of("rate")
