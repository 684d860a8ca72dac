"""Every picture draws for every kind of run it applies to, and says in a sentence why where it does not."""

import importlib
import io
from functools import cache

import numpy as np
import pytest
import yaml
from fake_view import in_levels, spots
from matplotlib.figure import Figure

from vaelab.config import locate
from vaelab.errors import NotApplicable
from vaelab.plots.animation import Animation
from vaelab.plots.style import laid_out

PLOTS = sorted(path.stem for path in (locate.conf_dir() / "plot").glob("*.yaml") if path.stem != "contact_sheet")
CASES = {
    "2_latents": {"latent_dim": 2},
    "3_latents_rgb": {"latent_dim": 3, "shape": (16, 16, 3)},
    "10_latents": {"latent_dim": 10, "shape": (16, 16, 1)},
    "1_latent_8x8": {"latent_dim": 1, "shape": (8, 8, 1)},
    "without_labels": {"latent_dim": 2, "labels": False, "shape": (8, 8, 1)},
    "2_classes": {"latent_dim": 2, "n_classes": 2, "shape": (8, 8, 1)},
    "102_classes_128x128_rgb": {"latent_dim": 3, "n_classes": 102, "shape": (128, 128, 3), "n": 306},
    "wide_images": {"latent_dim": 2, "shape": (8, 20, 1)},
    "vectors": {"latent_dim": 2, "shape": (1, 4, 1), "n": 12},
    "two_views": {"latent_dim": 6, "n_views": 2, "shape": (8, 8, 1)},
    "two_views_without_labels": {"latent_dim": 3, "n_views": 2, "labels": False, "shape": (8, 8, 3)},
    "implicit_posterior": {"latent_dim": 2, "closed_form": False, "shape": (8, 8, 1)},
    "two_levels": {"shape": (8, 8, 1)},
    "a_condition": {"latent_dim": 2, "conditional": True, "shape": (8, 8, 1)},
    "two_views_and_a_condition": {"latent_dim": 6, "n_views": 2, "conditional": True, "shape": (8, 8, 1)},
}
SMALL = {"n": 4, "slices": 3, "steps": 3, "iterations": 250, "perplexity": 5.0, "images": 4}  # quick settings
DOES_NOT_APPLY = {
    "manifold": lambda v: v.latent_dim > 2,
    "training_codes": lambda v: v.latent_dim < 2,
    "manifold_3d": lambda v: v.latent_dim != 3,
    "manifold_3d_animation": lambda v: v.latent_dim != 3,
    "class_grid": lambda v: not v.class_names,
    "conjoint_scatter": lambda v: len(v.parts) < 2,
    "conjoint_swap": lambda v: v.n_views < 2,
    "levels": lambda v: "level_1" not in v.parts,
    **{name: lambda v: v.n_views < 2 or v.condition for name in PLOTS if name.startswith("background_transfer")},
}

# Pictures of codes that come from no image: a run with a condition must be told with which one.
NEEDS_A_CONDITION = {
    "traversal", "traversal_animation", "manifold", "manifold_3d", "manifold_3d_animation", "latent_card", "arithmetic",
    "generate",
}  # fmt: skip


def drawn(view, name, **more):
    """The picture conf/plot/<name>.yaml describes, small settings put in, `more` on top."""
    content = yaml.safe_load((locate.conf_dir() / "plot" / f"{name}.yaml").read_text(encoding="utf-8"))
    module, _, function = content["_target_"].rpartition(".")
    settings = {k: v for k, v in content.items() if not k.startswith("_")}
    settings |= {k: v for k, v in SMALL.items() if k in settings and name not in ("pca", "latent_scatter")}
    if name in ("tsne", "umap"):
        settings["n"] = 60
    return getattr(importlib.import_module(module), function)(view, **{**settings, **more})


def frame(view, z, codes, rows):
    """What training keeps for its animations."""
    arrays = {"codes": codes, "rows": rows, "code_rows": rows}
    given = view.split("test").given(rows), view.sample_given(len(z), np.random.default_rng(0))
    for v, (drawn, again) in enumerate(zip(view.decode(z, *given[1]), view.decode(codes, *given[0]))):
        for name, images in (("samples", drawn), ("reconstructions", again)):
            arrays[f"{name}_{v}"] = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    return arrays


def fake(case, **more):
    return (in_levels if case == "two_levels" else spots)(**CASES[case], **more)


@cache
def view_of(case):
    view = fake(case)
    z = np.random.default_rng(0).standard_normal((6, view.latent_dim)).astype(np.float32)
    rows = np.arange(4)
    codes = view.split("test").mean[rows]
    frames = [(epoch, frame(view, z * epoch / 3, codes * epoch / 3, rows)) for epoch in (0, 1, 2)]
    curves = {"beta": (np.arange(4), np.linspace(0, 1, 4)), "learning_rate": (np.arange(4), np.full(4, 1e-3))}
    return fake(case, frames=frames, schedules=curves)


QUICK = ("2_latents", "10_latents", "two_views")


@pytest.mark.parametrize("case", [c if c in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in CASES])
@pytest.mark.parametrize("name", PLOTS)
def test_draws(name, case):
    view = view_of(case)
    if name == "umap":
        pytest.importorskip("umap", reason="umap-learn is an extra")
    if name in DOES_NOT_APPLY and DOES_NOT_APPLY[name](view):
        with pytest.raises(NotApplicable) as error:
            drawn(view, name)
        assert 20 < len(str(error.value)) < 260
        return
    if view.condition and name in NEEDS_A_CONDITION:
        with pytest.raises(NotApplicable, match=r"give plots.*condition=\.\.\., class \(class 0, "):
            drawn(view, name)
        picture = drawn(view, name, condition="class 1")
    else:
        picture = drawn(view, name)
    if isinstance(picture, Animation):
        frames = picture.arrays()
        assert len(frames) > 1 and all(f.shape == frames[0].shape and f.dtype == np.uint8 for f in frames)
        return
    assert isinstance(picture, Figure)
    width, height = picture.get_size_inches()
    assert 4.4 < width < 10.1 and 1 < height < 16
    picture.savefig(io.BytesIO(), dpi=30)
    assert view.name in "".join(text.get_text() for text in picture.texts)


@pytest.mark.parametrize("name", ["latent_scatter", "samples", "latent_card", "training_curves"])
@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_saves_as_vectors(name, suffix):
    stream = io.BytesIO()
    drawn(view_of("2_latents"), name).savefig(stream, format=suffix)
    assert len(stream.getvalue()) > 5_000


@pytest.mark.parametrize("name", ["samples", "reconstructions", "interpolation", "latent_card", "traversal"])
def test_is_the_same_every_time(name):
    first, second = (io.BytesIO() for _ in range(2))
    for stream in (first, second):
        drawn(view_of("10_latents"), name).savefig(stream, format="png", dpi=40)
    assert first.getvalue() == second.getvalue()


@pytest.mark.parametrize("width", ["paper", "slide"])
def test_text_stays_on_the_page(width):
    """No title, label or legend is cut off, for the longest names there are."""
    view = spots(latent_dim=10, n_classes=4, shape=(8, 8, 1))
    view.name = "a run with a rather long name that somebody typed, " * 4
    view.class_names = ("T-shirt/top with a very long description of it", "b", "c", "d")
    for name in ("reconstructions", "latent_scatter", "interpolation", "class_grid", "latent_card", "arithmetic"):
        with laid_out(dpi=None, width=width):
            figure = drawn(view, name)
        figure.draw_without_rendering()
        box = figure.bbox
        for text in figure.texts + [t for legend in figure.legends for t in legend.get_texts()]:
            extent = text.get_window_extent()
            assert extent.x0 >= -1 and extent.x1 <= box.x1 + 1 and extent.y0 >= -1 and extent.y1 <= box.y1 + 1, (
                name,
                text.get_text(),
            )


def test_class_names_with_dollars_are_not_formulas():
    view = spots(latent_dim=2, n_classes=2, shape=(8, 8, 1))
    view.class_names = ("cost_$x_{", "a$b$c")
    for name in ("latent_scatter", "reconstructions", "class_grid"):
        drawn(view, name).savefig(io.BytesIO(), dpi=30)
