"""How likely an image is: its evidence lower bound."""

from vaelab.config.types import PositiveInt
from vaelab.scores import needed


def elbo(view, *, samples: PositiveInt):
    """-(distortion + rate), a bound on log p(x), in nats; smaller is stranger. One pass through encoder and decoder.

    Smooth and dark images are cheap to describe: under a model of busier ones they score as less strange than its own
    images (`excess_distortion` and `input_complexity` correct for that).

    Args:
        samples: draws of z per image.

    References:
        Bishop (1994), Novelty detection and neural network validation; Nalisnick et al. (2019), Do deep generative
        models know what they don't know?, for where it fails.
    """
    needed.density(view, score="elbo")
    return lambda seen: seen.elbo(samples)


elbo.larger_is_stranger = False
elbo.estimates_log_p = True
elbo.needs = needed.of("elbo")
