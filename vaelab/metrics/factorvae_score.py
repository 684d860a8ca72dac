"""Does a latent stand still when its factor does?"""

from functools import partial
from typing import Literal

import numpy as np

from vaelab.config.types import NonNegativeFloat, PositiveInt, Split
from vaelab.metrics.factored import factored, needed
from vaelab.metrics.fixed_factor import fixed_factors
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted
from vaelab.metrics.votes import scored

_IMAGES_PER_CALL = 200_000


def factorvae_score(
    view,
    *,
    split: Split,
    code: Literal["mean", "sample"],
    batch: PositiveInt,
    train_votes: PositiveInt,
    test_votes: PositiveInt,
    threshold: NonNegativeFloat,
) -> dict[str, Score]:
    """Accuracy with which the stillest latent names the factor held fixed, a fraction (chance: 1 / F).

    A vote: draw a factor, fix its value to that of a random image, draw `batch` images that share it; the latent whose
    variance, relative to that over the split, is least. A table of majorities is filled by training votes and judged by
    test votes on other images. `factorvae_score_chance` is the score of permuted codes.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        batch: images per vote.
        train_votes, test_votes: how many.
        threshold: latents of a smaller standard deviation over the split are left out.

    References:
        Kim & Mnih (2018); Locatello et al. (2019), disentanglement_lib, for the threshold.
    """
    codes, factors, names, note = factored(view, split, code, metric="factorvae_score", at_least=2)
    std = codes.std(axis=0)
    active = (std >= threshold) & (std > 0)
    if not active.any():
        said = noted(f"no latent's standard deviation reaches {threshold:g}: chance", note)
        chance = Score(1 / len(names), None, len(codes), note=said)
        return {"factorvae_score": chance, "factorvae_score_chance": chance}

    def votes(groups, z, count, rng):
        """How often factor f, fixed, left latent d stillest, (D, F)."""
        table = np.zeros((z.shape[1], len(groups)), np.int64)
        for f, share in enumerate(rng.multinomial(count, np.full(len(groups), 1 / len(groups)))):
            anchors = groups[f].anchors(share, rng)
            step = max(1, _IMAGES_PER_CALL // batch)
            for start in range(0, share, step):
                chunk = anchors[start : start + step]
                rows = groups[f].members(np.repeat(chunk[:, None], batch, axis=1), rng)  # (votes, batch)
                stillest = z[rows].var(axis=1).argmin(axis=1)
                table[:, f] += np.bincount(stillest, minlength=len(table))
        return table

    def accuracy(z, f, new_z, new_f, rng):
        majority = votes(fixed_factors(f, names), z, train_votes, rng).argmax(axis=1)
        judged = votes(fixed_factors(new_f, names), new_z, test_votes, rng)
        return float(judged[np.arange(len(judged)), majority].sum() / judged.sum())

    used = f"{active.sum()} of {len(active)} latents; {test_votes:,} votes of {batch} images"
    rng = stream(view, "factorvae_score", split)
    return scored(
        "factorvae_score", accuracy, codes[:, active] / std[active], factors, rng, votes=test_votes,
        note=noted(used, note),
    )  # fmt: skip


factorvae_score.needs = partial(needed, metric="factorvae_score", at_least=2)
