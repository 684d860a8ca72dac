"""Typed coordinates."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import generate as module
from vaelab.plots.generate import generate


def test_decodes_what_is_typed(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    for z in ([0.5, -1.2], [[0.5, -1.2], [3, 7]]):
        (block,) = watched(monkeypatch, module, generate, view, z=z, condition=None)
        assert np.allclose(block.images[0, 0], view.decode([[0.5, -1.2]])[0][0])
    assert np.allclose(block.images[0, 1], view.decode([[3, 7]])[0][0])


@pytest.mark.parametrize("z", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0], [3.0]], [float("nan"), 0.0]])
def test_bad_coordinates(z):
    with pytest.raises(ConfigError, match=r"plots\.generate\.z: expected"):
        generate(spots(latent_dim=2, shape=(8, 8, 1)), z=z, condition=None)
