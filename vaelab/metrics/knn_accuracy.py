"""Are an image's neighbours in latent space of its class?"""

from typing import Literal

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vaelab.config.types import PositiveInt
from vaelab.metrics.labelled import labelled, suffix
from vaelab.metrics.score import Score

_ROWS_PER_CALL = 4096


def knn_accuracy(
    view, *, split: Literal["train", "validation", "test"], k: PositiveInt, label: str, part: str | None
) -> dict[str, Score]:
    """Accuracy of a k-nearest-neighbour vote among the training codes, a fraction.

    Codes are posterior means, distance is Euclidean; a tied vote goes to the label of the nearest of the tied. On the
    training split an image is not its own neighbour.

    Args:
        k: neighbours that vote.
        label: "class", "tag_<v>" or a factor's name.
        part: part of the latent vector ("shared", "private_1"), null for all.
    """
    codes, labels = labelled(view, split, metric="knn_accuracy", label=label, part=part)
    known, known_labels = labelled(view, "train", metric="knn_accuracy", label=label, part=part)
    own = split == "train"
    k = min(k, len(known) - own)
    values, known_labels = np.unique(known_labels, return_inverse=True)
    found = NearestNeighbors(n_neighbors=k).fit(known).kneighbors(None if own else codes, return_distance=False)
    right = values[_vote(known_labels[found], len(values))] == labels
    accuracy, n = float(right.mean()), len(codes)
    chance = np.unique(labels, return_counts=True)[1].max() / n
    note = f"{k} neighbours among {len(known):,} training codes; the largest class is {chance:.3f}"
    se = float(np.sqrt(accuracy * (1 - accuracy) / n))
    return {f"knn_accuracy{suffix(label, part)}": Score(accuracy, se, n, note=note)}


def _vote(votes: np.ndarray, n_labels: int) -> np.ndarray:
    """Winning label of each row; votes (N, k) are ordered from the nearest on."""
    winners = np.empty(len(votes), np.int64)
    weights = 1 + 1e-3 * 0.5 ** np.arange(1, votes.shape[1] + 1)  # the small part decides ties only
    for start in range(0, len(votes), _ROWS_PER_CALL):
        chunk = votes[start : start + _ROWS_PER_CALL]
        tally = np.zeros((len(chunk), n_labels))
        np.add.at(tally, (np.arange(len(chunk))[:, None], chunk), weights)
        winners[start : start + _ROWS_PER_CALL] = tally.argmax(axis=1)
    return winners
