"""Does a latent stand still when its factor does?"""

from functools import partial
from typing import Literal

import numpy as np

from vaelab.config.types import NonNegativeFloat, PositiveInt
from vaelab.metrics.factored import factored, needed
from vaelab.metrics.fixed_factor import FixedFactor
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import joined

_IMAGES_PER_CALL = 200_000


def factorvae_score(
    view,
    *,
    split: Literal["train", "validation", "test"],
    code: Literal["mean", "sample"],
    batch: PositiveInt,
    train_votes: PositiveInt,
    test_votes: PositiveInt,
    threshold: NonNegativeFloat,
) -> dict[str, Score]:
    """Accuracy with which the stillest latent names the factor held fixed, a fraction (chance: 1 / F).

    A vote: draw a factor, fix its value to that of a random image, draw `batch` images that share it; the latent whose
    variance, relative to that over the split, is least. A table of majorities is filled by training votes and judged by
    test votes.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        batch: images per vote.
        train_votes, test_votes: how many.
        threshold: latents of less variance over the split are left out.

    References:
        Kim & Mnih (2018).
    """
    codes, factors, names, note = factored(view, split, code, metric="factorvae_score", at_least=2)
    variance, n_factors = codes.var(axis=0), len(names)
    active = variance > threshold
    if not active.any():
        said = joined(f"no latent varies by more than {threshold:g}: chance", note)
        return {"factorvae_score": Score(1 / n_factors, None, len(codes), note=said)}
    codes = codes[:, active] / np.sqrt(variance[active])
    rng = stream(view, "factorvae_score", split)
    groups = [FixedFactor(column, name) for column, name in zip(factors.T, names)]

    def votes(count):
        """How often factor f, fixed, left latent d stillest, (D, F)."""
        table = np.zeros((codes.shape[1], n_factors), np.int64)
        for f, share in enumerate(rng.multinomial(count, np.full(n_factors, 1 / n_factors))):
            anchors = groups[f].anchors(share, rng)
            step = max(1, _IMAGES_PER_CALL // batch)
            for start in range(0, share, step):
                chunk = anchors[start : start + step]
                rows = groups[f].partners(np.repeat(chunk[:, None], batch, axis=1), rng)  # (votes, batch)
                stillest = codes[rows].var(axis=1).argmin(axis=1)
                table[:, f] += np.bincount(stillest, minlength=len(table))
        return table

    majority = votes(train_votes).argmax(axis=1)
    judged = votes(test_votes)
    accuracy = float(judged[np.arange(len(judged)), majority].sum() / judged.sum())
    se = float(np.sqrt(accuracy * (1 - accuracy) / test_votes))
    used = f"{active.sum()} of {len(active)} latents; {test_votes:,} votes of {batch} images"
    return {"factorvae_score": Score(accuracy, se, len(factors), note=joined(used, note))}


factorvae_score.needs = partial(needed, metric="factorvae_score", at_least=2)
