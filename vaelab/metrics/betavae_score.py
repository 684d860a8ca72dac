"""Can a linear classifier tell which factor two images share?"""

from functools import partial
from typing import Literal

import numpy as np
from sklearn.linear_model import LogisticRegression

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.factored import factored, needed
from vaelab.metrics.fixed_factor import fixed_factors
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted
from vaelab.metrics.votes import scored

_PAIRS_PER_CALL = 100_000


def betavae_score(
    view,
    *,
    split: Split,
    code: Literal["mean", "sample"],
    pairs: PositiveInt,
    train_votes: PositiveInt,
    test_votes: PositiveInt,
) -> dict[str, Score]:
    """Accuracy with which logistic regression on the mean of |z_1 - z_2| names the shared factor (chance: 1 / F).

    A vote: draw a factor, draw pairs of different images that agree in it, average the absolute difference of their
    codes. Votes that judge are of other images than those that train. `betavae_score_chance` is the score of permuted
    codes.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        pairs: per vote.
        train_votes, test_votes: how many.

    References:
        Higgins et al. (2017).
    """
    codes, factors, names, note = factored(view, split, code, metric="betavae_score", at_least=2)
    codes = codes / np.maximum(codes.std(axis=0), 1e-6)  # a linear classifier does not mind, its optimiser does

    def votes(groups, z, count, rng):
        """Mean absolute differences (count, D) and the factor shared (count,)."""
        shared = np.sort(rng.integers(len(groups), size=count))
        step = max(1, _PAIRS_PER_CALL // pairs)
        features = []
        for f in np.unique(shared):
            anchors = groups[f].anchors((int(np.sum(shared == f)), pairs), rng)
            for start in range(0, len(anchors), step):
                first = anchors[start : start + step]
                second = groups[f].partners(first, rng)
                features.append(np.abs(z[first] - z[second]).mean(axis=1))
        return np.concatenate(features), shared

    def accuracy(z, f, new_z, new_f, rng):
        features, shared = votes(fixed_factors(f, names), z, train_votes, rng)
        new_features, new_shared = votes(fixed_factors(new_f, names), new_z, test_votes, rng)
        centre, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
        classifier = LogisticRegression(C=1e3, max_iter=2000).fit((features - centre) / scale, shared)
        return float(np.mean(classifier.predict((new_features - centre) / scale) == new_shared))

    rng, used = stream(view, "betavae_score", split), f"{test_votes:,} votes of {pairs} pairs"
    return scored("betavae_score", accuracy, codes, factors, rng, votes=test_votes, note=noted(used, note))


betavae_score.needs = partial(needed, metric="betavae_score", at_least=2)
