"""How densely samples lie where data lie, and how much of the data they cover; outliers weigh little."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics import knn_balls
from vaelab.metrics.samples import compared, suffix
from vaelab.metrics.score import Score, mean_score


def density_coverage(
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
    """density: mean over samples of (real balls that hold it) / k, about 1 where distributions agree;
    coverage: fraction of real images whose ball holds a sample.

    A ball reaches to a real image's k-th real neighbour, which it does not hold itself, in the space of the pixels'
    principal components: as the authors' program counts, a sample at just that distance is outside. Keys end in
    `_mixture` for that sampler.

    Args:
        sampler: prior, or a Gaussian mixture fitted to the training codes (one draw each).
        mixture: Gaussians in it.
        k: which neighbour.
        pixels: a sample is E[x|z] (mean) or drawn from p(x|z).
        features: principal components of the pixels.
        images: real ones and samples, each (time grows with the square); null for as many as the split has.

    References:
        Naeem, Oh, Uh, Choi & Yoo (2020); github.com/clovaai/generative-evaluation-prdc for ties.
    """
    real, fake, note = compared(
        view,
        split,
        metric="density_coverage",
        sampler=sampler,
        mixture=mixture,
        pixels=pixels,
        features=features,
        images=images,
    )
    k = min(k, len(real) - 1)
    count, covered = knn_balls.balls_around(fake, real, knn_balls.radii(real, k), closed=False)
    coverage, n, end = float(covered.mean()), len(real), suffix(sampler)
    error = float(np.sqrt(coverage * (1 - coverage) / n))
    return {
        f"density{end}": mean_score(count / k, note=note),
        f"coverage{end}": Score(coverage, error, n, note=note),
    }
