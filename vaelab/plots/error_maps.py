"""Where images come back otherwise than they are."""

from typing import Literal

import numpy as np
from matplotlib import colormaps

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure, to_rgb
from vaelab.plots.style import SEQUENTIAL, number


def error_maps(view, *, split: Split, choose: Literal["random", "worst", "unseen"], n: PositiveInt):
    """Images, what the decoder makes of their mean codes, and |x - E[x|z]| of each pixel, channels averaged;
    below, what masks call strange, where the images have any.

    Maps share one scale, from 0 to the largest error shown.

    Args:
        choose: random images, those of the largest distortion, or random ones of classes without training images.
        n: images shown.
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    rows = _rows(view, part, choose, n)
    originals, decoded = part.images(rows), view.decode(part.mean[rows], *part.given(rows))
    maps = [np.abs(x - y).mean(axis=-1) for x, y in zip(originals, decoded)]
    largest = max(float(m.max()) for m in maps)
    labels = tuple(f"{pick.class_name(view, part, r)}\n#{r}".strip() for r in rows)
    blocks = []
    for v, (x, y, error) in enumerate(zip(originals, decoded, maps)):
        share = error / max(largest, 1e-12)
        if x.shape[1] > 1:
            shown = [to_rgb(x) / 255, to_rgb(y) / 255, colormaps[SEQUENTIAL](share)[..., :3]]
            if part.masks is not None and v == 0:
                shown.append(to_rgb(part.masks[rows] / 255) / 255)
        else:  # bars
            shown = [x, y, np.broadcast_to(share[..., None], x.shape)]
        tiles = np.stack(shown).astype(np.float32)
        names = ("original", "decoded", "error", "mask")[: len(shown)] if v == 0 else ()
        blocks.append(Block(tiles, heading=pick.view_name(view, v), rows=names, above={0: labels}))
    facts = [view.name, pick.split_facts(view, part, len(rows)), f"error: 0 to {number(largest)}"]
    return grid_figure(blocks, title="Where images come back otherwise", facts=facts)


def _rows(view, part, choose: str, n: int) -> np.ndarray:
    if choose == "worst":
        return np.argsort(-part.distortion, kind="stable")[:n]
    if choose == "random":
        return pick.random_rows(view, part, n, "error_maps")
    y = pick.need_labels(view, part, "plots.error_maps.choose=unseen")
    unseen = np.flatnonzero(~np.isin(y, view.split("train").y))
    if not len(unseen):
        raise NotApplicable("plots.error_maps.choose=unseen: every class of this run has training images.")
    return np.sort(pick.rng(view, "error_maps").choice(unseen, min(n, len(unseen)), replace=False))
