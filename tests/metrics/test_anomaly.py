import numpy as np
import pytest
from fake_view import spots
from sklearn.metrics import roc_auc_score

from vaelab.errors import NotApplicable
from vaelab.metrics.anomaly import anomaly
from vaelab.scores.measure import by_name, measured

PLAIN = {"split": "test", "scores": ["distortion", "knn"], "bootstrap": 20}


def without(view, *classes):
    """The view with no training labels of some classes."""
    train = view.split("train")
    train.y = np.where(np.isin(train.y, classes), 0, train.y)
    return view


def test_each_class_left_out_is_judged_against_the_normal_ones():
    view = without(spots(n_classes=4, shape=(8, 8, 1)), 2, 3)
    found = anomaly(view, **PLAIN)
    assert set(found) == {f"anomaly_{c}{s}_auroc" for c in ("class_2_", "class_3_", "") for s in PLAIN["scores"]}
    part = view.split("test")
    values = measured(view, by_name(["knn"], view, "here"), part.x)["knn"]
    for k in (2, 3):
        rows = np.isin(part.y, [0, 1, k])
        assert found[f"anomaly_class_{k}_knn_auroc"].value == pytest.approx(
            roc_auc_score(part.y[rows] == k, values[rows])
        )
    mean = np.mean([found[f"anomaly_class_{k}_knn_auroc"].value for k in (2, 3)])
    assert found["anomaly_knn_auroc"].value == pytest.approx(mean)


@pytest.mark.parametrize(
    "view,said",
    [
        (lambda: spots(shape=(8, 8, 1)), "every class has training images"),
        (lambda: spots(shape=(8, 8, 1), labels=False), "has no labels"),
    ],
)
def test_where_there_is_nothing_left_out_it_is_told(view, said):
    for function in (anomaly, anomaly.needs):
        with pytest.raises(NotApplicable, match=said):
            function(view(), **PLAIN)
