"""The ends of an interpolation are the two direct reconstructions."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import interpolation as module
from vaelab.plots.interpolation import between_codes, interpolation

USUAL = {
    "split": "test", "between": "images", "space": "latent", "path": "linear", "n": 3, "steps": 5, "pairs": None,
    "condition": None,
}  # fmt: skip


@pytest.mark.parametrize("space,path", [("latent", "linear"), ("latent", "spherical"), ("pixel", "linear")])
@pytest.mark.parametrize("n_views", [1, 2])
@pytest.mark.quick(3)
def test_ends_are_direct_reconstructions_and_originals(monkeypatch, space, path, n_views):
    view = spots(latent_dim=6, shape=(8, 8, 1), n_views=n_views)
    chosen = {**USUAL, "space": space, "path": path, "pairs": [[3, 40], [7, 9]]}
    first, path, last = watched(monkeypatch, module, interpolation, view, **chosen)
    part = view.split("test")
    assert path.images.shape[:2] == (2 * n_views, 5) and not np.isnan(path.images).any()
    for k, pair in enumerate(chosen["pairs"]):
        for v in range(n_views):
            for original, column, row in zip((first, last), (0, -1), pair):
                shown = n_views * k + v
                assert np.allclose(path.images[shown, column], view.decode(part.mean[[row]])[v][0], atol=1e-5)
                assert np.array_equal(original.images[shown, 0], part.images(slice(row, row + 1))[v][0])


def test_pixel_space_blends_then_encodes(monkeypatch):
    view = spots(latent_dim=3, shape=(8, 8, 1))
    _, block, _ = watched(monkeypatch, module, interpolation, view, **{**USUAL, "space": "pixel", "pairs": [[0, 1]]})
    (x,) = view.split("test").images(np.array([0, 1]))
    blend = 0.5 * x[:1] + 0.5 * x[1:]
    assert np.allclose(block.images[0, 2], view.decode(view.encode(blend)[0])[0][0], atol=1e-5)


def test_spherical_path_has_constant_angle_steps_and_length():
    start, stop = np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]])
    path = between_codes(start, stop, 5, "spherical")[0]
    assert np.allclose(np.linalg.norm(path, axis=1), 2.0)
    assert np.allclose(np.degrees(np.arctan2(path[:, 1], path[:, 0])), [0, 22.5, 45, 67.5, 90])


@pytest.mark.parametrize("stop", [[1.0, 1.0], [0.0, 0.0], [-1.0, -1.0], [2.0, 2.0]])
def test_spherical_path_where_there_is_no_angle(stop):
    start = np.array([[1.0, 1.0]])
    path = between_codes(start, [stop], 5, "spherical")[0]
    assert np.isfinite(path).all()
    assert np.allclose(path[0], start[0]) and np.allclose(path[-1], stop)


def test_random_pairs_join_different_classes(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    pairs = module._image_pairs(view, view.split("test"), 20, None)
    y = view.split("test").y
    assert (y[pairs[:, 0]] != y[pairs[:, 1]]).all()


def test_class_means(monkeypatch):
    view = spots(latent_dim=3, shape=(8, 8, 1))
    view.class_names = ("T-shirt/top", "Bag", "Ankle boot", "Coat")
    settings = {**USUAL, "between": "class_means", "pairs": [["bag", "ankle_boot"]]}
    _, block, _ = watched(monkeypatch, module, interpolation, view, **settings)
    part = view.split("test")
    assert np.allclose(block.images[0, 0], view.decode(part.mean[part.y == 1].mean(axis=0)[None])[0][0], atol=1e-5)
    assert np.allclose(block.images[0, -1], view.decode(part.mean[part.y == 2].mean(axis=0)[None])[0][0], atol=1e-5)


@pytest.mark.parametrize(
    "change,words",
    [
        ({"pairs": [[0, 80]]}, "images 0 to 79, got 80"),
        ({"pairs": [[0, 1, 2]]}, "expected pairs"),
        ({"pairs": [["bag", 2]]}, "number of an image"),
        ({"between": "class_means", "pairs": [["clas 1", "class 2"]]}, "Did you mean 'class_1'"),
        ({"between": "class_means", "space": "pixel"}, "space=latent"),
        ({"steps": 1}, "at least 2"),
    ],
)
def test_bad_settings(change, words):
    with pytest.raises(ConfigError, match=words):
        interpolation(spots(latent_dim=2, shape=(8, 8, 1)), **{**USUAL, **change})
