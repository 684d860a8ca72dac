"""Does each latent tell about one factor only?"""

from functools import partial
from typing import Literal

import numpy as np

from vaelab.config.types import NonNegativeFloat, PositiveInt, Split
from vaelab.metrics import histogram
from vaelab.metrics.factored import factored, needed
from vaelab.metrics.score import Score
from vaelab.metrics.subset import noted


def modularity(
    view,
    *,
    split: Split,
    code: Literal["mean", "sample"],
    bins: PositiveInt,
    min_information: NonNegativeFloat,
) -> dict[str, Score]:
    """Mean over latents d of 1 - sum_(f != best) I(z_d; f)^2 / (I(z_d; best)^2 (F - 1)), between 0 and 1.

    Latents that tell next to nothing about any factor have no ratio worth the name and are left out; with no other
    latent the score is 0.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        bins: equal-width bins per latent.
        min_information: nats about its best factor that a latent must tell to be counted.

    References:
        Ridgeway & Mozer (2018).
    """
    codes, factors, _, note = factored(view, split, code, metric="modularity", at_least=2)
    information = histogram.mutual_information(histogram.binned(codes, bins), factors)  # (D, F)
    best = information.max(axis=1)
    told = best > min_information
    squares = np.square(information[told])
    others = (squares.sum(axis=1) - squares.max(axis=1)) / (squares.max(axis=1) * (factors.shape[1] - 1))
    value = float(np.mean(1 - others)) if told.any() else 0.0
    count = f"{told.sum()} of {len(told)} latents tell something about a factor"
    return {"modularity": Score(value, None, len(codes), note=noted(count, note))}


modularity.needs = partial(needed, metric="modularity", at_least=2)
