"""Colours and legends of scatters."""

import numpy as np
import pytest
from fake_view import spots

from vaelab.errors import ConfigError
from vaelab.plots.latent_scatter import latent_scatter
from vaelab.plots.points import BEHIND, colouring
from vaelab.plots.style import colour, marker
from vaelab.plots.tsne import tsne

USUAL = {"split": "test", "n": None, "dims": None, "code": "mean", "draws": 1, "color": "auto"}


def test_a_hundred_classes_look_different():
    assert len({(colour(k), marker(k)) for k in range(120)}) == 120


def test_neighbouring_classes_have_different_markers():
    assert len({marker(k) for k in range(10)}) == 10
    figure = latent_scatter(spots(latent_dim=2, shape=(8, 8, 1), n_classes=5), **USUAL)
    assert len({path.vertices.tobytes() for path in figure.axes[0].collections[0].get_paths()}) == 5


def test_each_class_is_named_at_its_median_unless_another_stands_there():
    view = spots(latent_dim=2, shape=(8, 8, 1), n_classes=3)
    part, ax = view.split("test"), latent_scatter(view, **USUAL).axes[0]
    named = {text.get_text(): text.get_position() for text in ax.texts}
    for k, name in enumerate(view.class_names):
        assert np.allclose(named[name], np.median(part.mean[part.y == k], axis=0), atol=1e-3), name
    part.mean[:] = part.mean[0] + 1e-3 * part.mean  # all in one place
    places = [text.get_position() for text in latent_scatter(view, **USUAL).axes[0].texts if "class" in text.get_text()]
    assert len(places) == 3 and len(set(places)) == 3


def test_points_are_the_means_and_the_legend_names_the_classes():
    view = spots(latent_dim=2, shape=(8, 8, 1), n_classes=3)
    figure = latent_scatter(view, **USUAL)
    points = figure.axes[0].collections[0].get_offsets()
    mean = view.split("test").mean
    assert np.allclose(np.sort(points, axis=0), np.sort(mean, axis=0))
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["class 0", "class 1", "class 2"]
    row = np.argmin(np.abs(points - mean[0]).sum(axis=1))
    from matplotlib.colors import to_hex

    shown = to_hex(figure.axes[0].collections[0].get_facecolors()[row])
    assert shown.lower() == colour(int(view.split("test").y[0])).lower()


def test_posterior_draws():
    view = spots(latent_dim=2, shape=(8, 8, 1))
    figure = latent_scatter(view, **{**USUAL, "code": "sample", "draws": 3})
    assert len(figure.axes[0].collections[0].get_offsets()) == 3 * len(view.split("test"))


def test_many_latents_show_the_two_with_the_highest_rate():
    view = spots(latent_dim=6, shape=(8, 8, 1))
    best = np.argsort(-view.split("test").rate_per_latent.mean(axis=0))[:2]
    figure = latent_scatter(view, **USUAL)
    assert figure.axes[0].get_xlabel() == f"z{best[0]}" and figure.axes[0].get_ylabel() == f"z{best[1]}"
    assert "highest rate" in "".join(t.get_text() for t in figure.texts)


def test_coloured_by_factor_tag_or_nothing():
    factors = np.stack([np.arange(240) % 3, np.arange(240) % 40], axis=1)
    view = spots(latent_dim=6, shape=(8, 8, 1), n_views=2, factors=factors, factor_names=("shape", "angle"))
    part, rows = view.split("test"), np.arange(20)
    assert colouring(view, part, rows, "shape", "x").names == ("shape 0", "shape 1", "shape 2")
    assert colouring(view, part, rows, "angle", "x").names == ()
    assert colouring(view, part, rows, "tag_2", "x").values.tolist() == part.tags[rows, 1].tolist()
    assert colouring(view, part, rows, "none", "x").values is None
    for color in ("angle", "shape", "tag_1", "none"):
        latent_scatter(view, **{**USUAL, "color": color})
    with pytest.raises(ConfigError, match="There are: auto, none, class, shape, angle, tag_1, tag_2"):
        colouring(view, part, rows, "wheight", "x")


@pytest.mark.parametrize("latents,words", [(1, "1 latent is"), (2, "2 latents are")])
def test_two_latents_are_no_matter_for_tsne(latents, words):
    view = spots(latent_dim=latents, shape=(8, 8, 1))
    settings = {"split": "test", "n": 50, "engine": "scikit-learn", "perplexity": 5.0, "iterations": 250}
    figure = tsne(view, **settings, color="auto")
    assert f"no t-SNE: {words} the map already" in "".join(text.get_text() for text in figure.texts)
    assert figure.axes[0].get_xlabel().startswith("z0")
    with pytest.raises(ConfigError, match=r"plots\.tsne\.color: nothing"):
        tsne(view, **settings, color="wheight")


@pytest.mark.parametrize("latent_dim", [1, 2, 3, 6])
def test_own_images_lie_in_grey_behind_others(latent_dim):
    """All of them, inside the frame, and the small print counts them."""
    from matplotlib.colors import to_hex

    view, other = (spots(latent_dim=latent_dim, shape=(8, 8, 1)) for _ in range(2))
    other.own = view
    own = view.split("test")
    own.mean = own.mean + 20
    figure = latent_scatter(other, **USUAL)
    assert f"grey: own test split, {len(own)} images" in "".join(t.get_text() for t in figure.texts)
    for ax in figure.axes:
        greys = [c for c in ax.collections if to_hex(c.get_facecolor()[0]) == BEHIND]
        if latent_dim == 1:
            assert ax.get_xlim()[1] > own.mean.max() and any(to_hex(p.get_facecolor()) == BEHIND for p in ax.patches)
        elif hasattr(ax, "get_zlim"):
            assert len(greys) == 1
        else:
            (points,) = (c.get_offsets() for c in greys)
            assert len(points) == len(own) and ax.get_xlim()[1] > points[:, 0].max() > ax.get_xlim()[0] + 10
    assert not any("grey" in t.get_text() for t in latent_scatter(view, **USUAL).texts)
    assert len(
        tsne(other, split="test", n=30, engine="scikit-learn", perplexity=5.0, iterations=260, color="auto").texts
    )
