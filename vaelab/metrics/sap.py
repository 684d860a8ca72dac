"""Is each factor in one latent? Measured by prediction."""

from functools import partial
from typing import Literal

import numpy as np
from sklearn.svm import LinearSVC

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.factored import factored, needed, parted
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted


def sap(
    view,
    *,
    split: Split,
    code: Literal["mean", "sample"],
    measure: Literal["svm", "accuracy", "correlation"],
    train_images: PositiveInt,
    test_images: PositiveInt,
) -> dict[str, Score]:
    """Separated attribute predictability: mean over factors of the best minus the second best latent's score.

    A latent's score for a factor is, by `measure`:
    svm (key `sap`): the accuracy of a linear support vector machine on this one latent (C = 0.01, classes balanced);
    accuracy (key `sap_accuracy`): the mean over the factor's values of the accuracy with which the nearest class mean
    names the value (a set of thresholds; a perfect code then reaches 1 - 1 / values);
    correlation (key `sap_correlation`): their squared correlation, for factors whose values are ordered.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        measure: svm, accuracy or correlation.
        train_images, test_images: of the split, to fit and to judge; fewer in proportion where it is smaller.

    References:
        Kumar, Sattigeri & Balakrishnan (2018); Locatello et al. (2019), disentanglement_lib, for the machine.
    """
    codes, factors, _, note = factored(view, split, code, metric="sap")
    fitted, judged, how = parted(len(codes), train_images, test_images, stream(view, "sap", split))
    score = {"svm": _svm, "accuracy": _accuracy, "correlation": _correlation}[measure]
    table = np.array([score(codes[fitted], f[fitted], codes[judged], f[judged]) for f in factors.T])  # (F, D)
    ordered = np.sort(table, axis=1)[:, ::-1]
    second = ordered[:, 1] if ordered.shape[1] > 1 else 0.0
    value = float(np.mean(ordered[:, 0] - second))
    key = "sap" if measure == "svm" else f"sap_{measure}"
    return {key: Score(value, None, len(judged), note=noted(measure, how, note))}


def _svm(codes, labels, new_codes, new_labels) -> np.ndarray:
    """Accuracy of a linear support vector machine in each latent by itself, (D,)."""
    out = np.zeros(codes.shape[1])
    for d in range(codes.shape[1]):
        machine = LinearSVC(
            C=0.01,
            class_weight="balanced",
            dual=False,  # pyright: ignore[reportArgumentType]  not annotated: taken to be what its default is
        ).fit(codes[:, d, None], labels)
        out[d] = np.mean(machine.predict(new_codes[:, d, None]) == new_labels)
    return out


def _accuracy(codes, labels, new_codes, new_labels) -> np.ndarray:
    """Class-balanced accuracy of the nearest class mean in each latent by itself, (D,)."""
    values = np.unique(labels)
    means = np.stack([codes[labels == v].mean(axis=0) for v in values])  # (K, D)
    out = np.empty(codes.shape[1])
    for d in range(codes.shape[1]):
        guess = values[np.abs(new_codes[:, d, None] - means[:, d]).argmin(axis=1)]
        out[d] = np.mean([np.mean(guess[new_labels == v] == v) for v in np.unique(new_labels)])
    return out


def _correlation(codes, labels, new_codes, new_labels) -> np.ndarray:
    """Squared correlation of each latent with the factor, (D,); nothing is fitted."""
    a = new_codes - new_codes.mean(axis=0)
    b = new_labels - new_labels.mean()
    scale = (a**2).sum(axis=0) * (b**2).sum()
    return np.where(scale > 0, (a * b[:, None]).sum(axis=0) ** 2 / np.maximum(scale, 1e-300), 0.0)


sap.needs = partial(needed, metric="sap")
