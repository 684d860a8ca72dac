"""How often a digit keeps its identity and takes the other view's background."""

import warnings
from typing import Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset
from vaelab.view import transfer

SETTING = "metrics.background_transfer"


def background_transfer(
    view,
    *,
    split: Split,
    method: Literal["iterate", "splice"],
    start: Literal["backgrounds", "zeros"],
    iterations: PositiveInt,
    source_view: Literal[1, 2],
    images: PositiveInt | None,
    judge_images: PositiveInt,
) -> dict[str, Score]:
    """Fractions of the images whose class is kept, `transfer_digit`; that show the wanted background,
    `transfer_background`; and that do both, `transfer_success`.

    Two small classifiers (principal components and one hidden layer) trained on real training images of both views
    (of the target view, where their shapes differ) judge the decoded image, one its class and one its background;
    `transfer_judge_digit` and `transfer_judge_background` are their accuracies on real images of the split, the ceiling
    of the others. From zeros no background is wanted, so that the second number is left out and success is the class
    alone. Keys of other settings say so: `transfer_splice_...`, `transfer_zeros_...`, `transfer_..._to_1_...`.

    Args:
        method, start, iterations, source_view: as in plot=background_transfer.
        images: how many are transferred; null for the whole split.
        judge_images: training images of each view that the classifiers learn from.
    """
    who = needs(view, source_view=source_view)
    transfer.refuse_start(method, start, SETTING)
    part, train = view.split(split), view.split("train")
    if part.y is None or part.tags is None:
        raise NotApplicable("metric=background_transfer needs images with classes and with tags of their backgrounds.")
    rows, some = subset(view, split, images)
    rng = stream(view, "background_transfer", split)
    if method == "splice":
        donors = transfer.donors(view, split, len(rows), who, rng)
        results = transfer.splice(view, part.images(rows), part.images(donors), who)
        wanted = np.asarray(part.tags)[donors, who.target]
    else:
        first, wanted = transfer.starts(view, len(rows), who, start, SETTING)
        results = transfer.iterate(view, part.images(rows)[who.source], first, iterations, who)[0][-1]

    known = np.sort(rng.permutation(len(train))[:judge_images])
    # a judge of backgrounds must know those of the source too, lest one that did not change pass for another
    taught = [who.target, who.source] if view.data_shapes[0] == view.data_shapes[1] else [who.target]
    pictures = np.concatenate([_flat(train.images(known)[v]) for v in taught])
    digit = _judge(pictures, np.tile(np.asarray(train.y)[known], len(taught)))
    background = _judge(pictures, np.asarray(train.tags)[known][:, taught].T.ravel())
    real = _flat(part.images(rows)[who.target])
    kept = digit(_flat(results)) == np.asarray(part.y)[rows]
    judged = {
        "digit": float(np.mean(digit(real) == np.asarray(part.y)[rows])),
        "background": float(np.mean(background(real) == np.asarray(part.tags)[rows, who.target])),
    }
    told = ", ".join(f"{name} {value:.1%}" for name, value in judged.items())
    steps = "one step" if method == "splice" else f"{iterations} iterations from {start}"
    key = "transfer" + ("_splice" if method == "splice" else "_zeros" if start == "zeros" else "")
    key += "_to_1" if source_view == 2 else ""
    note = noted(f"{method}, {steps}; the judges are right on real images: {told}", some)
    scores = {f"{key}_digit": mean_score(kept, note=note)}
    if np.all(wanted >= 0):
        changed = background(_flat(results)) == wanted
        scores[f"{key}_background"] = mean_score(changed, note=note)
        scores[f"{key}_success"] = mean_score(kept & changed, note=note)
    else:
        scores[f"{key}_success"] = mean_score(kept, note=noted("the class alone: no background is wanted", note))
    return scores | {f"{key}_judge_{name}": Score(value, None, len(rows)) for name, value in judged.items()}


def _flat(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float32).reshape(len(images), -1)


def _judge(x: np.ndarray, y: np.ndarray):
    """A trained classifier as a function (N, P) -> (N,); where there is one label only, that label."""
    if len(np.unique(y)) == 1:
        return lambda images: np.full(len(images), y[0])
    net = MLPClassifier((128,), early_stopping=True, max_iter=40, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its accuracy is reported beside
        # directions in which real images do not vary say nothing of decoded ones
        return make_pipeline(PCA(0.95, svd_solver="full"), net).fit(x, y).predict


def needs(view, *, source_view, **_):
    """Two views with a shared part, and no condition."""
    return transfer.roles(view, source_view, SETTING)


background_transfer.needs = needs
