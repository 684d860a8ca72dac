"""Scores that are the accuracy of votes on a shared factor, and what they are where codes know nothing."""

import numpy as np

from vaelab.metrics.score import Score
from vaelab.metrics.subset import noted

_PERMUTATIONS = 5


def scored(key: str, accuracy, codes, factors, rng: np.random.Generator, *, votes: int, note: str | None) -> dict:
    """{key: the accuracy, key_chance: its mean over codes that were given to other images at random}.

    Votes that train and votes that judge come from two halves of the images, drawn at random: shared images would be
    recognised, and codes of noise lie above chance. `_chance` is 1 / F but for what a small split leaves to luck. `se`
    is the error due to the number of votes and permutations alone, not to the images.

    Args:
        accuracy: function (codes, factors to train on, codes, factors to judge on, rng) -> fraction of right votes.
        codes, factors: (N, D), (N, F).
        votes: how many judge.
        note: about the codes.
    """
    order = rng.permutation(len(codes))
    train, judge = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])

    def of(z):
        return accuracy(z[train], factors[train], z[judge], factors[judge], rng)

    value = of(codes)
    chance = np.array([of(codes[rng.permutation(len(codes))]) for _ in range(_PERMUTATIONS)])
    se = float(np.sqrt(value * (1 - value) / votes))
    halves = f"trained on {len(train):,} images, judged on {len(judge):,} others"
    said = f"{_PERMUTATIONS} permutations of the codes, {chance.min():.3f} to {chance.max():.3f}"
    return {
        key: Score(value, se, len(codes), note=noted(halves, note)),
        f"{key}_chance": Score(
            float(chance.mean()), float(chance.std(ddof=1) / np.sqrt(_PERMUTATIONS)), len(codes), note=said
        ),
    }
