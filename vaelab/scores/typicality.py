"""How far an image's likelihood is from what is usual."""

import numpy as np

from vaelab.config.types import PositiveInt
from vaelab.scores import needed


def typicality(view, *, samples: PositiveInt):
    """|elbo(x) - mean elbo of the training images|, in nats; larger is stranger: too likely is strange, too.

    One pass through encoder and decoder, and one for each training image when it begins.

    Args:
        samples: draws of z per image.

    References:
        Nalisnick, Matsukawa, Teh & Lakshminarayanan (2019), Detecting out-of-distribution inputs to deep generative
        models using typicality, with sets of one image.
    """
    needed.density(view, score="typicality")
    train = view.split("train")
    usual = -float(np.mean(train.distortion, dtype=np.float64) + np.mean(train.rate, dtype=np.float64))
    return lambda seen: np.abs(seen.elbo(samples) - usual)


typicality.needs = needed.of("typicality")
