import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics.knn_accuracy import _vote, knn_accuracy

PLAIN = {"split": "test", "k": 5, "label": "class", "part": None}


def test_separate_classes_score_one_and_noise_scores_chance(code_view):
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=2000)
    perfect = knn_accuracy(code_view(10 * np.eye(4)[y] + 0.1 * rng.normal(size=(2000, 4)), y=y), **PLAIN)
    assert perfect["knn_accuracy"].value == 1
    noise = knn_accuracy(code_view(rng.normal(size=(2000, 4)), y=y), **{**PLAIN, "split": "train"})["knn_accuracy"]
    assert abs(noise.value - 0.25) < 4 * noise.se


def test_the_part_and_the_label_are_chosen(code_view):
    rng = np.random.default_rng(0)
    tags = rng.integers(3, size=(600, 1))
    mean = np.concatenate([rng.normal(size=(600, 1)), 5.0 * tags], axis=1)
    view = code_view(mean, tags=tags, parts={"private_1": slice(0, 1), "shared": slice(1, 2)})
    scores = knn_accuracy(view, **{**PLAIN, "label": "tag_1", "part": "shared"})
    assert scores["knn_accuracy_shared_tag_1"].value == 1
    with pytest.raises(ConfigError, match="Did you mean 'shared'"):
        knn_accuracy(view, **{**PLAIN, "label": "tag_1", "part": "share"})
    with pytest.raises(ConfigError, match=r"no labels.*tag_1"):
        knn_accuracy(view, **PLAIN)


def test_without_labels_it_is_refused(code_view):
    with pytest.raises(ConfigError, match="needs labelled images"):
        knn_accuracy(code_view(np.zeros((5, 2))), **PLAIN)


def test_a_tie_goes_to_the_nearest():
    assert list(_vote(np.array([[2, 1, 1, 2], [1, 2, 2, 1], [0, 1, 1, 1]]), 3)) == [2, 1, 1]
