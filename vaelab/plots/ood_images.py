"""The most usual and the strangest images by a score."""

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.datasets.base import to_unit
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure, same_shape
from vaelab.plots.style import number
from vaelab.scores.against import against, check


def ood_images(
    view, *, split: Split, on: list[str], score: str, images: PositiveInt | None, resize: bool, n: PositiveInt
):
    """Of the run's own images and of each other kind the n least strange above the n strangest, with their scores.

    Args:
        on, images, resize: as those of metric=ood.
        score: an option of the group score.
        n: images in a row.
    Returns:
        matplotlib Figure.
    """
    found = against(view, split=split, on=on, scores=[score], images=images, resize=resize, where="plots.ood_images")
    pictures, above, rows = [], {}, []
    for name, group in {"own": found.own, **found.others}.items():
        order = np.argsort(found.strange(group, score), kind="stable")
        shown = min(n, len(order) // 2) or 1
        for kind, chosen in (("usual", order[:shown]), ("strange", order[-shown:][::-1])):
            for v, view_images in enumerate(same_shape([to_unit(x[chosen]) for x in group.images[: view.n_views]])):
                tiles = np.full((n, *view_images.shape[1:]), np.nan, np.float32)
                tiles[:shown] = view_images
                if v == 0:
                    texts = [number(float(group.values[score][r])) for r in chosen]
                    above[len(pictures)] = tuple(texts + [""] * (n - shown))
                rows.append(f"{name}, {kind}" if v == 0 else "")
                pictures.append(tiles)
    each = 2 * view.n_views
    block = Block(np.stack(pictures), rows=tuple(rows), above=above, gap_before=tuple(range(each, len(pictures), each)))
    facts = [view.name, pick.split_facts(view, view.split(split), len(found.own.images[0])), f"score: {score}"]
    return grid_figure([block], title="The least and the most strange images", facts=facts)


def _needs(view, *, on, **_) -> None:
    check(view, on=on, where="plots.ood_images")


ood_images.needs = _needs
