"""The manifold's corners are where they are said to be."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched
from scipy.stats import norm

from vaelab.errors import ConfigError
from vaelab.plots import manifold as module
from vaelab.plots import manifold_3d as module_3d
from vaelab.plots.manifold import manifold
from vaelab.plots.manifold_3d import manifold_3d

USUAL = {"split": "test", "n": 5, "dims": None, "scale": 1.0, "rectangle": None, "at": None, "condition": None}


def test_corners_are_the_priors_quantiles(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    (block,) = watched(monkeypatch, module, manifold, view, **USUAL)
    low, high = norm.ppf(0.05), norm.ppf(0.95)
    for (row, column), z in {(4, 0): (low, low), (4, 4): (high, low), (0, 0): (low, high), (2, 2): (0, 0)}.items():
        assert np.allclose(block.images[row, column], view.decode([z])[0][0], atol=1e-6)
    assert block.columns[0] == "−1.64" and block.rows[-1] == "−1.64"


def test_scale_and_rectangle(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    (block,) = watched(monkeypatch, module, manifold, view, **{**USUAL, "scale": 1.5})
    assert np.allclose(block.images[4, 0], view.decode([[1.5 * norm.ppf(0.05)] * 2])[0][0], atol=1e-6)
    (block,) = watched(monkeypatch, module, manifold, view, **{**USUAL, "rectangle": [1, 3, 0, 2]})
    assert np.allclose(block.images[4, 0], view.decode([[1, 0]])[0][0], atol=1e-6)
    assert np.allclose(block.images[1, 2], view.decode([[2, 1.5]])[0][0], atol=1e-6)
    with pytest.raises(ConfigError, match=r"x_min, x_max, y_min, y_max"):
        manifold(view, **{**USUAL, "rectangle": [3, 1, 0, 2]})


def test_other_latents_come_from_an_image(monkeypatch):
    view = spots(latent_dim=4, shape=(8, 8, 1))
    (block,) = watched(monkeypatch, module, manifold, view, **{**USUAL, "dims": [1, 3], "at": 7})
    z = view.split("test").mean[7].copy()
    z[1] = z[3] = norm.ppf(0.05)
    assert np.allclose(block.images[4, 0], view.decode([z])[0][0], atol=1e-6)


def test_many_latents_says_which_two_to_choose():
    view = spots(latent_dim=10, shape=(8, 8, 1))
    rates = view.split("test").rate_per_latent.mean(axis=0)
    best = sorted(np.argsort(-rates)[:2].tolist())
    with pytest.raises(ConfigError) as error:
        manifold(view, **USUAL)
    assert f"plots.manifold.dims=[{best[0]},{best[1]}]" in str(error.value)
    manifold(view, **{**USUAL, "dims": best})


@pytest.mark.parametrize("dims,words", [([0, 10], "0 to 9"), ([1, 1], "differ"), ([1], "expected 2")])
def test_bad_latents(dims, words):
    with pytest.raises(ConfigError, match=words):
        manifold(spots(latent_dim=10, shape=(8, 8, 1)), **{**USUAL, "dims": dims})


def test_slices_walk_through_the_third_latent(monkeypatch):
    view = spots(latent_dim=3, shape=(8, 8, 1))
    settings = {**USUAL, "output": "still", "slices": 4, "duration_ms": 100}
    settings.pop("rectangle")
    (block,) = watched(monkeypatch, module_3d, manifold_3d, view, **settings)
    first = block.images[0, 0]  # the slice of the smallest third latent: 5 x 5 images in one
    low, high = norm.ppf(0.05), norm.ppf(0.95)
    assert np.allclose(first[-8:, :8], view.decode([[low, low, low]])[0][0], atol=1e-6)
    assert np.allclose(first[:8, -8:], view.decode([[high, high, low]])[0][0], atol=1e-6)
    last = block.images.reshape(-1, 44, 44, 1)[3]  # 5 tiles of 8 and 4 gutters of 1
    assert np.allclose(last[-8:, :8], view.decode([[low, low, high]])[0][0], atol=1e-6)


def test_tiles_of_a_manifold_do_not_touch():
    figure = manifold(spots(latent_dim=2, shape=(8, 8, 1)), **USUAL)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert (shown == 255).all(axis=(1, 2)).sum() >= 4 * 3 and (shown == 255).all(axis=(0, 2)).sum() >= 4 * 3
