"""Private parts of some images with the shared part of others."""

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure


def conjoint_swap(view, *, split: Split, n: PositiveInt, indices: list[int] | None):
    """Per view a table: the row's image gives the private parts, the column's image the shared part; both are shown.

    A condition is that of the row's image. On the diagonal each image meets itself: its reconstruction.

    Args:
        n: images drawn at random, of different classes where there are labels.
        indices: images chosen instead.
    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: the model has no shared part, or an index is out of range.
    """
    if "shared" not in view.parts:
        raise NotApplicable("conjoint_swap needs a model of several views (structure=conjoint); this run has one.")
    part = view.split(split)
    rows = _rows(view, part, n, indices)
    codes = np.asarray(part.mean[rows], np.float32)
    given = pick.repeated(part.given(rows), len(rows))
    decoded = view.decode(swapped(codes, view.parts["shared"]).reshape(-1, view.latent_dim), *given)
    originals = part.images(rows)
    names = [pick.image_label(view, part, r) for r in rows]
    size = len(rows)
    blocks = []
    for v, (images, own) in enumerate(zip(decoded, originals)):
        tiles = np.full((size + 1, size + 1, *images.shape[1:]), np.nan, np.float32)
        tiles[1:, 1:] = images.reshape(size, size, *images.shape[1:])
        tiles[0, 1:] = tiles[1:, 0] = own
        labels = ("shared →", *(f"private {name}" for name in names)) if v == 0 else ()
        blocks.append(Block(tiles, pick.view_name(view, v), rows=labels, above={0: ["", *names]}, gap_before=(1,)))
    return grid_figure(
        blocks,
        title="Swapped parts: private of the row, shared of the column",
        facts=[view.name, f"{part.name} split", "first row and column: the images", "diagonal: reconstructions"],
        largest_tile=1.0,
    )


def swapped(codes: np.ndarray, shared: slice) -> np.ndarray:
    """(n, D) -> (n, n, D): entry [i, j] is code i with the shared part of code j."""
    n = len(codes)
    out = np.repeat(codes[:, None], n, axis=1)
    out[..., shared] = codes[None, :, shared]
    return out


def _rows(view, part, n, indices) -> np.ndarray:
    if indices is not None:
        return np.array([pick.checked_index(part, i, "plots.conjoint_swap.indices") for i in indices])
    return pick.rows_of_classes(view, part, n, "conjoint_swap")
