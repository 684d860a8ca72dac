"""Images of typed latent coordinates."""

import numpy as np

from vaelab.config.types import Condition
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, folded, grid_figure, number, square


def generate(view, *, z: list[float] | list[list[float]] | None, condition: Condition | None):
    """Decoder means of the given codes.

    Args:
        z: one vector [0.5, -1.2] or several [[0.5, -1.2], [3, 7]], D numbers each (null: the prior's mean).
        condition: what all are decoded with, in a run that has one.
    Returns:
        matplotlib Figure.
    """
    points = codes(view, z)
    given = pick.given(view, condition, "plots.generate.condition")
    decoded = view.decode(points, *pick.repeated(given, len(points)))
    columns = square(len(points), *decoded[0].shape[1:3], blocks=view.n_views, tile=2.2)
    labels = [_label(point, k, len(points)) for k, point in enumerate(points)]
    blocks = []
    for v, images in enumerate(decoded):
        tiles = folded(images, columns)
        above = {r: labels[r * columns : (r + 1) * columns] for r in range(len(tiles))}
        blocks.append(Block(tiles, pick.view_name(view, v), above=above))
    facts = [view.name, "decoder means", pick.told(view, given)]
    if len(points) == 1:
        facts.append("z = (" + ", ".join(number(c) for c in points[0]) + ")")
    title = "Images of typed coordinates" if len(points) > 1 else "Image of typed coordinates"
    return grid_figure(blocks, title=title, facts=facts, gap=0.08, largest_tile=3.6 if len(points) == 1 else 2.2)


def needs(view, *, condition, **_):
    """A condition."""
    pick.needs_given(view, condition, "plots.generate.condition", own=False)


generate.needs = needs


def codes(view, z) -> np.ndarray:
    """(N, D) float32 from one typed vector or several.

    Raises:
        ConfigError: a vector without D finite numbers.
    """
    if z is None:
        return np.asarray(view.prior.mean, np.float32)[None]
    rows = list(z) if len(z) and isinstance(z[0], (list, tuple)) else [list(z)]
    for row in rows:
        if len(row) != view.latent_dim:
            raise ConfigError(f"plots.generate.z: expected {view.latent_dim} coordinates, got {len(row)}: {list(row)}.")
        if not np.isfinite(np.asarray(row, float)).all():
            raise ConfigError(f"plots.generate.z: expected finite numbers, got {list(row)}.")
    return np.asarray(rows, np.float32)


def _label(point, k: int, n: int) -> str:
    if n == 1:
        return ""
    if len(point) <= 3:
        return "(" + ", ".join(number(c) for c in point) + ")"
    return f"number {k + 1}"
