"""Can a linear classifier read the label off the code?"""

import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from vaelab.config.types import PositiveFloat, PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.metrics.labelled import labelled, needed, suffix
from vaelab.metrics.score import Score
from vaelab.metrics.subset import noted


def linear_probe(
    view,
    *,
    split: Split,
    label: str,
    part: str | None,
    strength: PositiveFloat,
    iterations: PositiveInt,
) -> dict[str, Score]:
    """Accuracy of multinomial logistic regression on posterior means, fitted to the training split, a fraction.

    Args:
        label: "class", "tag_<v>" or a factor's name.
        part: part of the latent vector ("shared", "private_1"), null for all.
        strength: inverse of the quadratic penalty's weight, on codes scaled to unit variance.
        iterations: of L-BFGS, at most.
    """
    codes, labels = labelled(view, split, metric="linear_probe", label=label, part=part)
    known, known_labels = labelled(view, "train", metric="linear_probe", label=label, part=part)
    if len(np.unique(known_labels)) < 2:
        raise NotApplicable(f"metric=linear_probe needs at least two labels; all training images have one {label}.")
    centre, scale = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        probe = LogisticRegression(C=strength, max_iter=iterations).fit((known - centre) / scale, known_labels)
    accuracy, n = float(np.mean(probe.predict((codes - centre) / scale) == labels)), len(codes)
    unfinished = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    note = noted(
        "fitted to the same images" if split == "train" else None,
        f"stopped after {iterations} iterations, before it converged" if unfinished else None,
    )
    se = float(np.sqrt(accuracy * (1 - accuracy) / n))
    return {f"linear_probe{suffix(label, part)}": Score(accuracy, se, n, note=note)}


linear_probe.needs = partial(needed, metric="linear_probe")
