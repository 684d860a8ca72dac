"""Which rows of several views belong together, for conjoint structures."""

import numpy as np

from vaelab.errors import DataError


def paired_rows(labels: list[np.ndarray], pairing: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Row indices into each view, all of the length of the longest view.

    by_index: the same row in all views; a shorter view is topped up by resampling its own rows.
    by_target: the longest view keeps its rows; every other view gets, for each, an independent member of the same
    class. Rows whose class some view lacks are replaced by resampling the others.

    Args:
        labels: of each view (N_v,).
        pairing: "by_index" or "by_target".
    """
    n = max(map(len, labels))
    if min(map(len, labels)) == 0:
        raise DataError("Views cannot be paired: one of them has no images.")
    if pairing == "by_index":
        return [np.concatenate([np.arange(len(y)), rng.integers(len(y), size=n - len(y))]) for y in labels]
    common = set.intersection(*(set(np.unique(y).tolist()) for y in labels))
    if not common:
        raise DataError("Views cannot be paired by target: they have no class in common.")
    longest = int(np.argmax([len(y) for y in labels]))
    known = np.flatnonzero(np.isin(labels[longest], sorted(common)))
    first = np.concatenate([known, rng.choice(known, n - len(known))])
    target = labels[longest][first]
    rows = []
    for view, y in enumerate(labels):
        drawn = first.copy()
        if view != longest:
            for label in sorted(common):
                wanted = target == label
                drawn[wanted] = rng.choice(np.flatnonzero(y == label), int(wanted.sum()))
        rows.append(drawn)
    return rows
