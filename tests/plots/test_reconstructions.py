"""Which images are shown, and what below them."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import reconstructions as module
from vaelab.plots.reconstructions import reconstructions

USUAL = {"split": "test", "choose": "random", "n": 12, "indices": None, "condition": None}


def shown(monkeypatch, view, **change):
    (block,) = watched(monkeypatch, module, reconstructions, view, **{**USUAL, **change})
    return block


def test_originals_above_reconstructions(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    block = shown(monkeypatch, view, choose="indices", indices=[5, 70, 5])
    part = view.split("test")
    for column, row in enumerate([5, 70, 5]):
        assert np.array_equal(block.images[0, column], part.images(np.array([row]))[0][0])
        assert np.allclose(block.images[1, column], view.decode(part.mean[[row]])[0][0])


def test_worst_and_best_by_distortion(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    part = view.split("test")
    for choose, row in (("worst", np.argmax(part.distortion)), ("best", np.argmin(part.distortion))):
        block = shown(monkeypatch, view, choose=choose)
        assert np.array_equal(block.images[0, 0], part.images(np.array([row]))[0][0])
        assert f"#{row}" in block.above[0][0]


def test_one_per_class(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1), n_classes=4)
    block = shown(monkeypatch, view, choose="per_class")
    assert [label.split("\n")[0] for label in block.above[0]] == ["class 0", "class 1", "class 2", "class 3"]
    assert "class_names" not in str(block.above)


def test_more_than_a_row_is_folded(monkeypatch):
    block = shown(monkeypatch, spots(shape=(8, 8, 1)))
    assert block.images.shape[:2] == (4, 10)
    assert np.isnan(block.images[2:, 2:]).all() and not np.isnan(block.images[2:, :2]).any()


@pytest.mark.parametrize(
    "change,words",
    [
        ({"choose": "indices"}, "indices="),
        ({"choose": "indices", "indices": [80]}, "images 0 to 79, got 80"),
        ({"choose": "indices", "indices": [-1]}, "images 0 to 79, got -1"),
    ],
)
def test_bad_settings(change, words):
    with pytest.raises(ConfigError, match=words):
        reconstructions(spots(shape=(8, 8, 1)), **{**USUAL, **change})


def test_classes_need_labels():
    with pytest.raises(ConfigError, match="has none"):
        reconstructions(spots(labels=False, shape=(8, 8, 1)), **{**USUAL, "choose": "per_class"})
