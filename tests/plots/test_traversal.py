"""A traversal moves its own latent and no other."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import traversal as module
from vaelab.plots.traversal import codes, traversal

USUAL = {
    "split": "test", "output": "still", "span": "prior", "width": 2.0, "steps": 5, "latents": None, "most": 16,
    "at": None, "condition": None, "duration_ms": 100,
}  # fmt: skip


def test_codes_move_one_latent():
    base = np.array([1.0, 2.0, 3.0])
    z = codes(base, [2, 0], np.array([[-1.0, 0.0, 1.0], [5.0, 6.0, 7.0]]))
    assert z.shape == (2, 3, 3)
    assert (z[0, :, :2] == [1, 2]).all() and z[0, :, 2].tolist() == [-1, 0, 1]
    assert (z[1, :, 1:] == [2, 3]).all() and z[1, :, 0].tolist() == [5, 6, 7]


def test_rows_are_ordered_by_rate_and_move_only_their_latent(monkeypatch):
    view = spots(latent_dim=5, shape=(8, 8, 1))
    (block,) = watched(monkeypatch, module, traversal, view, **USUAL)
    order = np.argsort(-view.split("test").rate_per_latent.mean(axis=0), kind="stable")
    assert [label.partition("\n")[0] for label in block.rows] == [f"z{d}" for d in order]
    for row, d in enumerate(order):
        for column, value in enumerate(np.linspace(-2, 2, 5)):
            z = np.zeros((1, 5))
            z[0, d] = value
            assert np.allclose(block.images[row, column], view.decode(z)[0][0], atol=1e-6)


def test_posterior_span_around_an_image(monkeypatch):
    view = spots(latent_dim=3, shape=(8, 8, 1))
    settings = {**USUAL, "span": "posterior", "at": 4, "latents": [2]}
    (block,) = watched(monkeypatch, module, traversal, view, **settings)
    mean = view.split("test").mean
    z = mean[[4]].copy()
    z[0, 2] = np.percentile(mean[:, 2], 1)
    assert np.allclose(block.images[0, 0], view.decode(z)[0][0], atol=1e-5)


def test_only_the_best_of_many(monkeypatch):
    view = spots(latent_dim=10, shape=(8, 8, 1))
    (block,) = watched(monkeypatch, module, traversal, view, **{**USUAL, "most": 3})
    assert len(block.images) == 3


@pytest.mark.parametrize(
    "change,words",
    [({"latents": [3]}, "latents 0 to 2, got 3"), ({"at": 80}, "images 0 to 79"), ({"steps": 1}, "at least 2")],
)
def test_bad_settings(change, words):
    with pytest.raises(ConfigError, match=words):
        traversal(spots(latent_dim=3, shape=(8, 8, 1)), **{**USUAL, **change})
