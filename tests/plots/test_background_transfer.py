"""Background transfer as a picture and as animations."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import background_transfer as module
from vaelab.plots.background_transfer import background_transfer
from vaelab.plots.background_transfer_animation import background_transfer_animation
from vaelab.view import transfer

PLAIN = {"split": "test", "n": 3, "indices": None, "method": "iterate", "start": "backgrounds", "iterations": 2,
         "source_view": 1, "sources": None, "targets": None}  # fmt: skip
MOVING = {"split": "test", "index": 5, "show": "target", "frames": 3, "start": "backgrounds", "source_view": 1,
          "source": None, "target": None, "color": "auto", "n": None, "duration_ms": 500}  # fmt: skip


@pytest.fixture(scope="module")
def view():
    return spots(latent_dim=6, shape=(8, 8, 1), n_views=2)


def picture(path, value):
    from PIL import Image

    Image.fromarray(np.full((16, 16), value, np.uint8)).save(path)
    return str(path)


@pytest.mark.slow
def test_a_row_is_source_start_and_iterations(monkeypatch, view):
    (block,) = watched(monkeypatch, module, background_transfer, view, **{**PLAIN, "indices": [3, 9]})
    source = view.split("test").images(np.array([3, 9]))[0]
    who = transfer.Roles(0, 1)
    seen, _ = transfer.iterate(view, source, transfer.starts(view, 2, who, "backgrounds", "x")[0], 2, who)
    assert block.images.shape[:2] == (2, 4) and block.columns == ("source", "start", "1", "2")
    assert np.allclose(block.images[:, 0], source) and np.allclose(block.images[:, 1:], seen.swapaxes(0, 1), atol=1e-6)
    assert [row.split("→")[1].strip() for row in block.rows] == ["plain", "dim"]


def test_images_of_ones_own(monkeypatch, view, tmp_path):
    files = [picture(tmp_path / "a.png", 0), picture(tmp_path / "b.png", 102)]
    more = {"sources": files, "targets": [picture(tmp_path / "t.png", 255)]}
    (block,) = watched(monkeypatch, module, background_transfer, view, **{**PLAIN, **more})
    assert np.allclose(block.images[0, 0], 0) and np.allclose(block.images[1, 0], 0.4)
    assert np.allclose(block.images[:, 1], 1) and block.rows == ("a.png\n→ t.png", "b.png\n→ t.png")
    with pytest.raises(ConfigError, match=r"expected 1 file or 3, one for each source\. Got 2"):
        background_transfer(view, **{**PLAIN, "targets": files})
    with pytest.raises(ConfigError, match="either indices or sources"):
        background_transfer(view, **{**PLAIN, "sources": files, "indices": [1, 2]})
    with pytest.raises(ConfigError, match=r"start=zeros goes with method=iterate"):
        background_transfer(view, **{**PLAIN, "start": "zeros", "method": "splice"})
    with pytest.raises(ConfigError, match="go with method=iterate"):
        background_transfer(view, **{**PLAIN, "sources": files, "method": "splice"})


def test_splicing_ends_with_the_result(monkeypatch, view):
    (block,) = watched(monkeypatch, module, background_transfer, view, **{**PLAIN, "method": "splice", "n": 2})
    pair, donor = ([block.images[:, k], block.images[:, k + 1]] for k in (0, 2))
    assert np.allclose(block.images[:, 4], np.clip(transfer.splice(view, pair, donor, transfer.Roles(0, 1)), -9, 9),
                       atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("show", ["target", "shared", "private"])
def test_animations_move(view, show):
    made = background_transfer_animation(view, **{**MOVING, "show": show})
    frames = made.arrays()
    assert made.duration_ms == 500 and len(frames) == 3 and frames[0].dtype == np.uint8
    assert all(f.shape == frames[0].shape for f in frames)
    assert not np.array_equal(frames[0], frames[1])


def test_the_dot_stands_where_the_code_is(view, monkeypatch):
    from vaelab.plots import background_transfer_animation as moving

    kept = {}
    original = moving.frame

    def spy(ax, *args, **kwargs):
        kept["ax"] = ax
        return original(ax, *args, **kwargs)

    monkeypatch.setattr(moving, "frame", spy)
    background_transfer_animation(view, **{**MOVING, "show": "shared"})
    who = transfer.Roles(0, 1)
    source = view.split("test").images(np.array([5]))[0]
    _, codes = transfer.iterate(view, source, transfer.starts(view, 1, who, "backgrounds", "x")[0], 2, who)
    dot = kept["ax"].lines[-1]
    assert np.allclose(np.ravel(dot.get_data()), codes[2, 0, view.parts["shared"]], atol=1e-5)


def test_one_view_is_refused():
    single = spots(shape=(8, 8, 1))
    with pytest.raises(ConfigError, match="two views"):
        background_transfer(single, **PLAIN)
    with pytest.raises(ConfigError, match=r"plots\.background_transfer_shared needs"):
        background_transfer_animation(single, **{**MOVING, "show": "shared"})
