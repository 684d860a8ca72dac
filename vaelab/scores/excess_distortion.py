"""How badly an image comes back, beyond what it costs at best."""

from vaelab.config.types import PositiveInt
from vaelab.errors import NotApplicable


def excess_distortion(view, *, samples: PositiveInt):
    """distortion(x) - min over params of -log p(x|params), in nats; larger is stranger.

    For a Bernoulli the second term is the image's own entropy, -sum_i x_i log x_i + (1 - x_i) log(1 - x_i): what grey
    pixels pay however well they come back, and what makes dark images look likely. The rest is KL(x || E[x|z]), summed
    over pixels as Bernoullis. Of binary pixels it is the distortion. One pass through encoder and decoder.

    Args:
        samples: draws of z per image.

    References:
        Half the deviance of McCullagh & Nelder (1989), section 2.3, of the decoder's mean.
    """
    if view.least_distortion(view.split("test").inputs(slice(0, 1))) is None:
        raise NotApplicable(
            "score=excess_distortion takes off what an image costs at best, which this run's likelihood does not tell. "
            "Use score=distortion."
        )
    return lambda seen: seen.distortion(samples) - seen.least_distortion()
