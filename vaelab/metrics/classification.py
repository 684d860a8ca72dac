"""How well q(y|x) tells the class, and whether its chances are to be believed."""

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.contracts import View, optional
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score, mean_score


def classification(view, *, split: Split, bins: PositiveInt) -> dict[str, Score]:
    """`accuracy` of the most probable class, `cross_entropy` -log q(y|x) in nats per image, and `calibration_error`.

    The calibration error is the mean over bins of |share of right answers - mean chance of the class that is chosen|,
    bins of equally many images in the order of that chance, weighted by their size; of chances that are right it is not
    0 but about sqrt(bins / N) / 2.

    References:
        Nguyen & O'Connor (2015) for bins of equal size; Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern
        neural networks.
    """
    classify, y = needs(view, split=split)
    part = view.split(split)
    chances = np.asarray(classify(part.images()), np.float64)
    right = chances.argmax(axis=1) == y
    of_class = np.maximum(chances[np.arange(len(y)), y], 1e-12)
    most = chances.max(axis=1)
    pieces = np.array_split(np.argsort(most, kind="stable"), min(bins, len(y)))
    error = sum(abs(right[rows].mean() - most[rows].mean()) * len(rows) for rows in pieces) / len(y)
    return {
        "accuracy": mean_score(right, np.arange(len(y))),
        "cross_entropy": mean_score(-np.log(of_class)),
        "calibration_error": Score(float(error), None, len(y)),
    }


def needs(view, *, split, **_):
    """(the run's classifier, labels of the split)."""
    classify = optional(view, View, "classify")
    if classify is None:
        raise NotApplicable("metric=classification needs a run that tells classes from images (objective=m2).")
    y = view.split(split).y
    if y is None:
        raise NotApplicable("metric=classification needs class labels; this split has none.")
    return classify, np.asarray(y)


classification.needs = needs
