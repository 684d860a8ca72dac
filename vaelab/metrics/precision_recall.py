"""Do samples look like data, and is all of the data among them?"""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics import knn_balls
from vaelab.metrics.samples import compared, suffix
from vaelab.metrics.score import Score


def precision_recall(
    view,
    *,
    split: Split,
    sampler: Literal["prior", "mixture"],
    mixture: PositiveInt,
    k: PositiveInt,
    pixels: Literal["mean", "drawn"],
    features: PositiveInt,
    images: PositiveInt | None,
) -> dict[str, Score]:
    """precision: fraction of samples in the balls of the real images; recall: of real images in the samples' balls.

    A ball reaches to the k-th neighbour among its kind, in the space of the pixels' principal components. Keys end in
    `_mixture` for that sampler.

    Args:
        sampler: prior, or a Gaussian mixture fitted to the training codes (one draw each).
        mixture: Gaussians in it.
        k: which neighbour.
        pixels: a sample is E[x|z] (mean) or drawn from p(x|z).
        features: principal components of the pixels.
        images: real ones and samples, each (time grows with the square); null for as many as the split has.

    References:
        Kynkäänniemi, Karras, Laine, Lehtinen & Aila (2019).
    """
    real, fake, note = compared(
        view,
        split,
        metric="precision_recall",
        sampler=sampler,
        mixture=mixture,
        pixels=pixels,
        features=features,
        images=images,
    )
    k = min(k, len(real) - 1)
    precise = knn_balls.balls_around(fake, real, knn_balls.radii(real, k), closed=True)[0] > 0
    recalled = knn_balls.balls_around(real, fake, knn_balls.radii(fake, k), closed=True)[0] > 0
    end = suffix(sampler)
    return {f"precision{end}": _fraction(precise, note), f"recall{end}": _fraction(recalled, note)}


def _fraction(hits: np.ndarray, note: str | None) -> Score:
    value, n = float(hits.mean()), len(hits)
    return Score(value, float(np.sqrt(value * (1 - value) / n)), n, note=note)
