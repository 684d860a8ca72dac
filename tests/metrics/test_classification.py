import numpy as np
import pytest
from fake_view import spots

from vaelab.errors import NotApplicable
from vaelab.metrics.classification import classification


def measured(chances_of):
    """The metric of a classifier: labels (N,) -> chances (N, 4)."""
    view = spots(shape=(8, 8, 1))
    chances = chances_of(view.split("test").y)
    view.classify = lambda images: chances
    return {name: score.value for name, score in classification(view, split="test", bins=5).items()}


def test_one_that_knows():
    assert measured(lambda y: np.eye(4)[y]) == {"accuracy": 1, "cross_entropy": 0, "calibration_error": 0}


def test_one_that_knows_nothing():
    found = measured(lambda y: np.full((len(y), 4), 0.25))
    assert found["cross_entropy"] == pytest.approx(np.log(4)) and found["accuracy"] == pytest.approx(0.25, abs=0.1)


def test_one_that_is_too_sure():
    """Right half of the time, sure all of the time."""
    found = measured(lambda y: np.eye(4)[(y + np.arange(len(y)) % 2) % 4])
    assert found["accuracy"] == found["calibration_error"] == 0.5


def test_who_has_none():
    with pytest.raises(NotApplicable, match="objective=m2"):
        classification(spots(), split="test", bins=5)
