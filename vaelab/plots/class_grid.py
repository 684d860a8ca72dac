"""A row of images per class."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure
from vaelab.plots.style import MARGIN, SMALL, layout, shortened, text_width

ROWS = 20  # classes in one column of the page, up to three columns
SMALLEST = 0.36  # inches of an image
TITLES = {
    "samples": "Samples per class",
    "reconstructions": "Reconstructions per class",
    "originals": "Images per class",
}


def class_grid(
    view,
    *,
    split: Split,
    source: Literal["samples", "reconstructions", "originals"],
    n: PositiveInt,
):
    """n images of every class; beyond 20 classes in two or three columns.

    Args:
        source: samples decodes draws from a Gaussian fitted to the posterior means of the class (full covariance),
            where the run has a condition with those of images of the class;
            reconstructions and originals show random images of the class.
        n: images per class; fewer where the page has no room, and then it says so.
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    y = pick.need_labels(view, part, "class_grid")
    present = np.unique(y)
    columns = min(3, -(-len(present) // ROWS))
    names = [shortened(str(view.class_names[k]), SMALL, 1.2) for k in present]
    label = max(text_width(name, SMALL) for name in names) + 0.1
    room = (layout().width - 2 * MARGIN - 0.3) / (columns * view.n_views) - label  # inches of a row of images
    asked, n = n, min(n, max(1, int(room / SMALLEST)))
    generator = pick.rng(view, f"class_grid_{source}")
    images = [_images(view, part, np.flatnonzero(y == k), source, n, generator) for k in present]
    height = -(-len(present) // columns)
    blocks = []
    for v in range(view.n_views):
        for c in range(columns):
            chosen = range(c * height, min((c + 1) * height, len(present)))
            tiles = np.full((height, n, *images[0][v].shape[1:]), np.nan, np.float32)
            for r, k in enumerate(chosen):
                tiles[r, : len(images[k][v])] = images[k][v]
            blocks.append(Block(tiles, pick.view_name(view, v) if c == 0 else "", rows=tuple(names[k] for k in chosen)))
    what = {
        "samples": "decoder means of draws from a Gaussian fitted to the codes of the class",
        "reconstructions": "decoder means at the posterior means",
        "originals": "as the model sees them",
    }[source]
    fewer = "" if n == asked else f"{n} per class: the page has no room for {asked}"
    return grid_figure(
        blocks, title=TITLES[source], facts=[view.name, pick.split_facts(view, part), what, fewer], largest_tile=1.0
    )  # fmt: skip


def _images(view, part, members, source, n, generator) -> tuple[np.ndarray, ...]:
    """Per view (n or fewer, H, W, C)."""
    if source == "samples":
        codes = np.asarray(part.mean[members], np.float64)
        middle = codes.mean(axis=0)
        spread = np.cov(codes.T).reshape(view.latent_dim, view.latent_dim) if len(members) > 1 else 0.0
        root = np.zeros((view.latent_dim, view.latent_dim))
        if len(members) > 1:
            size, axes = np.linalg.eigh(spread)
            root = axes * np.sqrt(np.maximum(size, 0))
        z = middle + generator.standard_normal((n, view.latent_dim)) @ root.T
        given = part.given(generator.choice(members, n)) if view.condition is not None else ()
        return view.decode(z.astype(np.float32), *given)
    rows = np.sort(generator.choice(members, min(n, len(members)), replace=False))
    return part.images(rows) if source == "originals" else view.decode(part.mean[rows], *part.given(rows))


def needs(view, *, split, **_):
    """Class labels."""
    pick.need_labels(view, view.split(split), "class_grid")


class_grid.needs = needs
