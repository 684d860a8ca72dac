"""Pictures of several views."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import conjoint_swap as module
from vaelab.plots.conjoint_swap import conjoint_swap, swapped


def test_swapped_takes_private_from_the_row_and_shared_from_the_column():
    codes = np.arange(18.0).reshape(3, 6)
    found = swapped(codes, slice(4, 6))
    assert found.shape == (3, 3, 6)
    assert np.array_equal(found[0, 2], [0, 1, 2, 3, 16, 17]) and np.array_equal(found[1, 1], codes[1])


@pytest.mark.slow
def test_swaps_show_sources_and_results(monkeypatch):
    view = spots(latent_dim=6, shape=(8, 8, 1), n_views=2)
    blocks = watched(monkeypatch, module, conjoint_swap, view, split="test", n=2, indices=[3, 9])
    part = view.split("test")
    z = part.mean[3].copy()
    z[view.parts["shared"]] = part.mean[9][view.parts["shared"]]
    for v, block in enumerate(blocks):
        assert np.array_equal(block.images[0, 2], part.images(np.array([9]))[v][0])
        assert np.array_equal(block.images[1, 0], part.images(np.array([3]))[v][0])
        assert np.allclose(block.images[1, 2], view.decode(z[None])[v][0], atol=1e-5)


@pytest.mark.slow
def test_random_images_are_of_different_classes():
    view = spots(latent_dim=6, shape=(8, 8, 1), n_views=2, n_classes=4)
    rows = module._rows(view, view.split("test"), 4, None)
    assert len(set(view.split("test").y[rows])) == 4


def test_one_view_is_refused():
    with pytest.raises(ConfigError, match="several views"):
        conjoint_swap(spots(shape=(8, 8, 1)), split="test", n=2, indices=None)
