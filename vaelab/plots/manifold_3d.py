"""The decoder's images over three latents: slices side by side, or one after another."""

import math
from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveFloat, PositiveInt, Split
from vaelab.plots import choose as pick
from vaelab.plots.animation import Animation, there_and_back
from vaelab.plots.grid import Block, as_picture, folded, grid_figure, grid_frames, number, square, tiled
from vaelab.plots.manifold import axes_of, base_code, held_at
from vaelab.system import memory


def manifold_3d(
    view,
    *,
    split: Split,
    output: Literal["still", "animation"],
    n: PositiveInt,
    slices: PositiveInt,
    dims: list[int] | None,
    scale: PositiveFloat,
    at: int | None,
    condition: Condition | None,
    duration_ms: PositiveInt,
):
    """`slices` grids of n x n decoder means; the third latent changes from slice to slice.

    Args:
        output: all slices in one picture, or a GIF that walks through them and back.
        dims: the three latents (null: the only three).
        scale: the grid is the prior's quantiles from 0.05 to 0.95, `scale` times as far from its mean.
        at: image of the split whose code holds the other latents (null: the prior's mean).
        condition: what is decoded with, in a run that has one (null: that of image `at`).
        duration_ms: of a frame.
    Returns:
        matplotlib Figure, or Animation.
    """
    part = view.split(split)
    shown = pick.plane(view, part, dims, "manifold_3d", n=3)
    (x, y), what = axes_of(view, shown[:2], n, scale, None, "manifold_3d")
    (depth,), _ = axes_of(view, shown[2:], slices, scale, None, "manifold_3d")
    base = base_code(view, part, at, "manifold_3d")
    pixels = sum(map(math.prod, view.data_shapes))
    n_bytes = 8 * n * n * max(2 * len(base), slices * pixels)
    memory.require(n_bytes, f"plots.manifold_3d.n={n} in {slices} slices", "Choose a smaller n.")
    given = pick.given_of(view, part, at, condition, "plots.manifold_3d.condition")
    slabs = _decoded(view, base, shown, x, y, depth, given)
    decoded = [_slices(images) for images in slabs]  # per view (slices, H', W', C)
    names = [pick.latent_name(view, d) for d in shown]
    facts = [view.name, f"{slices} slices of {what}", f"{names[0]} grows to the right, {names[1]} upwards"]
    facts.append(pick.told(view, given))
    if view.latent_dim > 3:
        facts.append(f"the other {view.latent_dim - 3} latents {held_at(view, at)}")
    title = f"Manifold: the decoder over {names[0]}, {names[1]} and {names[2]}"
    levels = [f"{names[2]} = {number(d)}" for d in depth]
    if output == "animation":
        order = there_and_back(list(range(slices)))
        frames = [
            [Block(images[None, [k]], pick.view_name(view, v)) for v, images in enumerate(decoded)] for k in order
        ]
        shown = grid_frames(frames, [levels[k] for k in order], title=title, facts=facts, largest_tile=6.6)
        return Animation(shown, duration_ms)
    columns = square(slices, *decoded[0].shape[1:3], blocks=view.n_views, tile=9.0)
    blocks = []
    for v, images in enumerate(decoded):
        tiles = folded(images, columns)
        above = {r: levels[r * columns : (r + 1) * columns] for r in range(len(tiles))}
        blocks.append(Block(tiles, pick.view_name(view, v), above=above))
    return grid_figure(blocks, title=title, facts=facts, gap=0.1, largest_tile=9.0)


def needs(view, *, split, dims, at, condition, **_):
    """Three latents, and a condition."""
    pick.needs_given(view, condition, "plots.manifold_3d.condition", own=at is not None)
    pick.plane(view, view.split(split), dims, "manifold_3d", n=3)


manifold_3d.needs = needs


def _slices(images) -> np.ndarray:
    """(slices, n, n, H, W, C) as one picture each, tiles a pixel apart."""
    if images.shape[3] == 1:
        images = np.array([[[as_picture(tile) for tile in row] for row in grid] for grid in images])
    return tiled(images, gutter=1)


def _decoded(view, base, shown, x, y, depth, given) -> list[np.ndarray]:
    """Per view (slices, n, n, H, W, C), decoded slice by slice; rows run from the largest second latent down."""
    found = []
    for level in depth:
        z = np.tile(base, (len(x), len(x), 1))  # (rows, columns, D)
        z[..., shown[0]], z[..., shown[1]], z[..., shown[2]] = x, y[::-1, None], level
        images = view.decode(z.reshape(-1, view.latent_dim), *pick.repeated(given, len(x) ** 2))
        found.append([v.reshape(len(x), len(x), *v.shape[1:]) for v in images])
    return [np.stack(v) for v in zip(*found)]
