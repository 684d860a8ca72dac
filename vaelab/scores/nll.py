"""How unlikely an image is, with a tighter bound than the ELBO."""

from vaelab.config.types import PositiveInt
from vaelab.scores import needed


def nll(view, *, samples: PositiveInt):
    """-log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x), z_s ~ q(z|x), in nats; larger is stranger.

    An upper bound on -log p(x) that falls with S. It costs S passes through the decoder. It prefers smooth and dark
    images as the ELBO does.

    Args:
        samples: draws S of z per image.

    References:
        Rezende, Mohamed & Wierstra (2014), appendix E; Burda, Grosse & Salakhutdinov (2016).
    """
    needed.density(view, score="nll")
    return lambda seen: -seen.log_p(samples)


nll.estimates_log_p = True
nll.needs = needed.of("nll")
