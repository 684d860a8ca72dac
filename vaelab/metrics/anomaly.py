"""How well a run tells classes it was not trained on from those it was."""

import re

import numpy as np

from vaelab.config.types import Split, TwoOrMore
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score
from vaelab.metrics.separation import separation
from vaelab.metrics.stream import stream
from vaelab.scores.against import chosen
from vaelab.scores.measure import measured, stored


def anomaly(view, *, split: Split, scores: list[str] | None, bootstrap: TwoOrMore) -> dict[str, Score]:
    """AUROC of every score for every class without training images, a fraction with its bootstrap error.

    Keys `anomaly_<class>_<score>_auroc`: the images of the class against those of all classes with training images, in
    the same split. `anomaly_<score>_auroc` is the mean over classes; its error is the mean of theirs, an upper bound,
    as they share the normal images.

    Args:
        scores: options of the group score; null for all that apply but `nll` and `likelihood_regret`.
        bootstrap: resamplings.

    References:
        Ruff et al. (2018), Deep one-class classification, section 4.2, for the protocol of classes left out.
    """
    part, strange = view.split(split), _left_out(view, split)
    found = chosen(view, scores, "metrics.anomaly")
    values = {name: found[name].sign * v for name, v in measured(view, found, stored(part)).items()}
    y = np.asarray(part.y)
    normal, result = ~np.isin(y, strange), {}
    for name, v in values.items():
        judged = [separation(v[normal], v[y == k], bootstrap, stream(view, f"anomaly {k}", split)) for k in strange]
        for k, (numbers, errors) in zip(strange, judged):
            key = re.sub(r"[^0-9A-Za-z]+", "_", str(view.class_names[k])).strip("_")
            many = f"{int(np.sum(y == k)):,} images of the class against {int(normal.sum()):,}"
            result[f"anomaly_{key}_{name}_auroc"] = Score(numbers.auroc, errors.auroc, len(y), note=many)
        aurocs, errors = ([pair[i].auroc for pair in judged] for i in (0, 1))
        told = f"mean over {len(strange)} class{'es' * (len(strange) > 1)}"
        result[f"anomaly_{name}_auroc"] = Score(float(np.mean(aurocs)), float(np.mean(errors)), len(y), note=told)
    return result


def _left_out(view, split: str, **_) -> np.ndarray:
    """The numbers of the classes that have images in a split and none in training."""
    if view.condition is not None:
        raise NotApplicable(
            f"metric=anomaly asks how strange images are whose class nobody told, and this run is told of each image "
            f"(condition={view.condition.option}). Train with condition=none."
        )
    train, part = view.split("train"), view.split(split)
    if train.y is None or part.y is None:
        raise NotApplicable(f"metric=anomaly needs classes, and this run's {split} split has no labels.")
    strange = np.setdiff1d(part.y, train.y)
    if not len(strange) or not len(np.intersect1d(part.y, train.y)):
        why = "every class has training images" if not len(strange) else "no class has any"
        raise NotApplicable(
            f"metric=anomaly compares classes with and without training images, and here {why}: train with "
            "dataset.normal_classes=[...] on some of them."
        )
    return strange


anomaly.needs = _left_out
