"""Are an image's neighbours in latent space of its class?"""

from typing import Literal

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.labelled import each, labelled, suffix
from vaelab.metrics.score import Score

_ROWS_PER_CALL = 4096


def knn_accuracy(
    view,
    *,
    split: Split,
    k: PositiveInt,
    label: str,
    part: str | None,
    code: Literal["mean", "sample"],
) -> dict[str, Score]:
    """Accuracy of a k-nearest-neighbour vote among the training codes, a fraction.

    Distance is Euclidean; a tied vote goes to the label of the nearest of the tied. On the training split, and where
    the data are a complete set that is training and test split alike, an image is not its own neighbour.

    Args:
        k: neighbours that vote.
        label: "class", "tag_<v>", a factor's name, or "each" for all that there are.
        part: part of the latent vector ("shared", "private_1"), null for all of it, or "each" for every part.
        code: posterior means, or one draw z ~ q(z|x) per image. Where there are few different images, their means tell
            even those apart that the posterior does not: use draws.
    """
    if view.enumerated:
        split = "train"  # the test images are the training images
    chosen, own = view.split(split), split == "train"
    labels = each(view, chosen) if label == "each" else [label]
    scores = {}
    for p in view.parts if part == "each" else [part]:
        found = None
        for name in labels or ["class"]:  # without any label `labelled` says so
            codes, wanted = labelled(view, split, metric="knn_accuracy", label=name, part=p, code=code)
            known, known_labels = labelled(view, "train", metric="knn_accuracy", label=name, part=p, code=code)
            if found is None:  # neighbours do not depend on the label
                near = min(k, len(known) - own)
                search = NearestNeighbors(n_neighbors=near).fit(known)
                found = search.kneighbors(None if own else codes, return_distance=False)
            scores[f"knn_accuracy{suffix(name, p)}"] = _score(found, known_labels, wanted)
    return scores


def _score(found: np.ndarray, known_labels: np.ndarray, labels: np.ndarray) -> Score:
    """Accuracy of the vote; found (N, k) are rows of the training codes, the nearest first."""
    values, numbers = np.unique(known_labels, return_inverse=True)
    right = values[_vote(numbers[found], len(values))] == labels
    accuracy, n = float(right.mean()), len(labels)
    chance = np.unique(labels, return_counts=True)[1].max() / n
    note = f"{found.shape[1]} neighbours among {len(known_labels):,} training codes; the largest class is {chance:.3f}"
    return Score(accuracy, float(np.sqrt(accuracy * (1 - accuracy) / n)), n, note=note)


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
