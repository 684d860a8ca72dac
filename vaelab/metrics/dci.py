"""Disentanglement, completeness and informativeness, by what a predictor of the factors looks at."""

from functools import partial
from typing import Literal

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics.factored import factored, needed, parted
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted


def dci(
    view,
    *,
    split: Split,
    code: Literal["mean", "sample"],
    model: Literal["forest", "boosting"],
    trees: PositiveInt,
    min_leaf: PositiveInt,
    train_images: PositiveInt,
    test_images: PositiveInt,
) -> dict[str, Score]:
    """`dci_disentanglement`, `dci_completeness` (0 to 1) and `dci_informativeness` (mean accuracy on held-out images).

    Trees predict each factor from the codes; R[d, f] is the importance of latent d for factor f.
    disentanglement = sum_d w_d (1 - H_F(R[d] / sum R[d])), w_d the latent's share of all importance;
    completeness = mean_f (1 - H_D(R[:, f] / sum R[:, f])); logarithms to base F and D.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        model: forest, or boosting (gradient boosting of trees of depth 3; keys end in `_boosting`).
        trees: of each forest, or steps of boosting, each of one tree per value of the factor.
        min_leaf: images a leaf must hold.
        train_images, test_images: of the split, to fit and to judge; fewer in proportion where it is smaller.

    References:
        Eastwood & Williams (2018); Locatello et al. (2019), disentanglement_lib, for boosting (trees=100, min_leaf=1).
    """
    codes, factors, _, note = factored(view, split, code, metric="dci", at_least=2)
    rng = stream(view, "dci", split)
    fitted, judged, how = parted(len(codes), train_images, test_images, rng)
    importance, accuracies = [], []
    kind, end = (RandomForestClassifier, "") if model == "forest" else (GradientBoostingClassifier, "_boosting")
    for column in factors.T:
        # every tree sees every latent: else a latent is important because its betters were not drawn
        grown = kind(
            n_estimators=trees,
            min_samples_leaf=min_leaf,
            max_features=None,  # pyright: ignore[reportArgumentType]  not annotated: taken to be what its default is
            random_state=int(rng.integers(2**31)),
        ).fit(codes[fitted], column[fitted])
        importance.append(grown.feature_importances_)
        accuracies.append(np.mean(grown.predict(codes[judged]) == column[judged]))
    disentanglement, completeness = _scores(np.array(importance).T)
    more = {"se": None, "n": len(judged), "note": noted(how, note)}
    return {
        f"dci_disentanglement{end}": Score(disentanglement, **more),
        f"dci_completeness{end}": Score(completeness, **more),
        f"dci_informativeness{end}": Score(float(np.mean(accuracies)), **more),
    }


def _scores(importance: np.ndarray) -> tuple[float, float]:
    """(disentanglement, completeness) of importances (D, F)."""
    per_latent = importance.sum(axis=1)
    weights = per_latent / max(per_latent.sum(), 1e-12)
    disentanglement = float(np.sum(weights * _concentration(importance)))
    return disentanglement, float(np.mean(_concentration(importance.T)))


def _concentration(rows: np.ndarray) -> np.ndarray:
    """1 - entropy (base: the number of columns) of each row scaled to sum 1; 0 for a row of zeros."""
    total = rows.sum(axis=1, keepdims=True)
    p = np.where(total > 0, rows / np.maximum(total, 1e-300), 1 / rows.shape[1])
    logs = np.log(np.where(p > 0, p, 1.0))
    return 1 + (p * logs).sum(axis=1) / np.log(max(rows.shape[1], 2)) if rows.shape[1] > 1 else np.ones(len(rows))


dci.needs = partial(needed, metric="dci", at_least=2)
