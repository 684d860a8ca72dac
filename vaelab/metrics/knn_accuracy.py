"""Are an image's neighbours in latent space of its class?"""

from typing import Literal

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vaelab.config.types import PositiveInt
from vaelab.errors import ConfigError
from vaelab.metrics.labelled import each, labelled, suffix
from vaelab.metrics.score import Score

_ROWS_PER_CALL = 4096


def knn_accuracy(
    view,
    *,
    split: Literal["train", "validation", "test"],
    k: PositiveInt,
    label: str,
    part: str | None,
    code: Literal["mean", "sample"],
    given: str | None,
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
        given: a label that is known: only training codes vote that share it with the image. What a part tells of one
            factor together with another; null: all vote.
    """
    if getattr(getattr(view, "dataset", None), "enumerated", False):
        split = "train"  # the test images are the training images
    chosen, own = view.split(split), split == "train"
    labels = each(view, chosen) if label == "each" else [label]
    scores = {}
    for p in view.parts if part == "each" else [part]:
        found = None
        for name in labels or ["class"]:  # without any label `labelled` says so
            if name == given:
                continue
            codes, wanted = labelled(view, split, metric="knn_accuracy", label=name, part=p, code=code)
            known, known_labels = labelled(view, "train", metric="knn_accuracy", label=name, part=p, code=code)
            if found is None:  # neighbours do not depend on the label
                groups = _groups(view, split, given, len(codes), len(known))
                found = _neighbours(known, codes, k, own, groups)
            key = f"knn_accuracy{suffix(name, p)}{f'_given_{given}' if given else ''}"
            scores[key] = _score(found, known_labels, wanted)
    return scores


def _groups(view, split: str, given: str | None, n: int, n_known: int) -> tuple[np.ndarray, np.ndarray]:
    """The known label of n images and of n_known training images; one for all where none is known."""
    if given is None:
        return np.zeros(n, np.int64), np.zeros(n_known, np.int64)
    return tuple(labelled(view, s, metric="knn_accuracy", label=given, setting="given")[1] for s in (split, "train"))


def _neighbours(known: np.ndarray, codes: np.ndarray, k: int, own: bool, groups) -> np.ndarray:
    """Rows (N, k) of the nearest training codes of an image's group, the nearest first; `own`: it is one of them."""
    group, known_group = groups
    rows = {value: np.flatnonzero(known_group == value) for value in np.unique(group)}
    near = min(k, min(map(len, rows.values())) - own)
    if near < 1:
        raise ConfigError(
            "metrics.knn_accuracy.given: a value of this label has no other training image that could vote. Choose a "
            "label with more images of each value."
        )
    found = np.empty((len(codes), near), np.int64)
    for value, members in rows.items():
        search = NearestNeighbors(n_neighbors=near).fit(known[members])
        asked = group == value
        found[asked] = members[search.kneighbors(None if own else codes[asked], return_distance=False)]
    return found


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
