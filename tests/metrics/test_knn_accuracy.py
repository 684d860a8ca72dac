import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics.knn_accuracy import _vote, knn_accuracy

PLAIN = {"split": "test", "k": 5, "label": "class", "part": None, "code": "mean"}


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


def test_each_part_is_judged_by_each_label(code_view):
    rng = np.random.default_rng(0)
    y, tags = rng.integers(4, size=900), rng.integers(3, size=(900, 1))
    mean = np.stack([5.0 * tags[:, 0], 5.0 * y], axis=1) + 0.01 * rng.normal(size=(900, 2))
    view = code_view(mean, y=y, tags=tags, parts={"private_1": slice(0, 1), "shared": slice(1, 2)})
    scores = knn_accuracy(view, **{**PLAIN, "split": "train", "label": "each", "part": "each"})
    assert list(scores) == [f"knn_accuracy_{part}{label}" for part in view.parts for label in ("", "_tag_1")]
    own = {"knn_accuracy_private_1_tag_1", "knn_accuracy_shared"}
    assert all(scores[key].value == 1 for key in own)
    assert abs(scores["knn_accuracy_private_1"].value - 1 / 4) < 0.1
    assert abs(scores["knn_accuracy_shared_tag_1"].value - 1 / 3) < 0.1
    for part in view.parts:
        single = knn_accuracy(view, **{**PLAIN, "split": "train", "label": "tag_1", "part": part})
        assert single == {k: v for k, v in scores.items() if k in single}


def test_without_labels_it_is_refused(code_view):
    with pytest.raises(ConfigError, match="needs labelled images"):
        knn_accuracy(code_view(np.zeros((5, 2))), **PLAIN)


def test_a_tie_goes_to_the_nearest():
    assert list(_vote(np.array([[2, 1, 1, 2], [1, 2, 2, 1], [0, 1, 1, 1]]), 3)) == [2, 1, 1]


def test_draws_hide_what_the_posterior_does_not_tell_apart(code_view):
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=1200)
    view = code_view(np.stack([1e-4 * y, np.zeros(1200)], axis=1), std=1.0, y=y)
    assert knn_accuracy(view, **{**PLAIN, "split": "train"})["knn_accuracy"].value == 1
    drawn = knn_accuracy(view, **{**PLAIN, "split": "train", "code": "sample"})["knn_accuracy"]
    assert abs(drawn.value - 0.25) < 4 * drawn.se


def test_in_a_complete_set_an_image_is_not_its_own_neighbour(code_view):
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=1200)
    view = code_view(rng.normal(size=(1200, 2)), y=y)
    assert knn_accuracy(view, **{**PLAIN, "k": 1})["knn_accuracy"].value == 1  # training codes and test codes are one
    view.enumerated = True
    noise = knn_accuracy(view, **{**PLAIN, "k": 1})["knn_accuracy"]
    assert abs(noise.value - 0.25) < 4 * noise.se
