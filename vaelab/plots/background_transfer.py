"""A digit moves to another background: what two views share stays, the rest is replaced."""

from pathlib import Path
from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure, same_shape
from vaelab.view import transfer

SETTING = "plots.background_transfer"


def background_transfer(
    view,
    *,
    split: Split,
    n: PositiveInt,
    indices: list[int] | None,
    method: Literal["iterate", "splice"],
    start: Literal["backgrounds", "zeros"],
    iterations: PositiveInt,
    source_view: Literal[1, 2],
    sources: list[str] | None,
    targets: list[str] | None,
):
    """One row per sample: source | first target | target after 1, 2, .. iterations.

    iterate: encode (source, target), decode, keep the source and let the decoded view take the target's place, again
    and again. splice, in one step: the shared code of a pair of images with the private codes of another pair.

    Args:
        n: samples drawn at random.
        indices: images of the split chosen instead.
        start: what the target view first shows: pure backgrounds of the data, in turn, or zeros.
        source_view: the view whose image is kept; the result is one of the other view.
        sources, targets: image files of your own instead (one target serves all sources).
    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: not two views, a file that cannot be read, or lists that do not fit together.
    """
    who = needs(view, source_view=source_view)
    transfer.refuse_start(method, start, SETTING)
    part = view.split(split)
    if method == "splice":
        if sources or targets:
            raise ConfigError(
                f"{SETTING}.method=splice takes both views of images of the split; image files of your own "
                f"({SETTING}.sources, .targets) go with method=iterate."
            )
        return _spliced(view, part, n, indices, who)
    images, names = chosen_sources(view, part, n, indices, sources, who, SETTING)
    first, below = chosen_targets(view, len(images), start, targets, who, SETTING)
    seen, _ = transfer.iterate(view, images, first, iterations, who)
    tiles = same_shape([images, *seen])
    columns = ("source", "start", *(f"{k + 1}" for k in range(iterations)))
    rows = tuple(f"{name}\n→ {target}" for name, target in zip(names, below))
    facts = [view.name, f"{iterations} iterations", "" if sources else f"{split} split", _direction(who)]
    return _figure(tiles, rows, columns, "Background transfer", facts)


def needs(view, *, source_view, **_):
    """Two views with a shared part, and no condition."""
    return transfer.roles(view, source_view, SETTING)


background_transfer.needs = needs


def chosen_sources(view, part, n, indices, sources, who, setting) -> tuple[np.ndarray, list[str]]:
    """(images (N, H, W, C) of the source view, a name for each)."""
    if sources and indices is not None:
        raise ConfigError(f"{setting}: give either indices or sources, not both.")
    if sources:
        found = transfer.read_images(sources, view.data_shapes[who.source], f"{setting}.sources")
        return found, [Path(s).name for s in sources]
    rows = source_rows(view, part, n, indices, setting)
    return part.images(rows)[who.source], [pick.image_label(view, part, r) for r in rows]


def source_rows(view, part, n, indices, setting) -> np.ndarray:
    """The chosen images, else n at random, of different classes where there are labels."""
    if indices is not None:
        return np.array([pick.checked_index(part, i, f"{setting}.indices") for i in indices])
    return pick.rows_of_classes(view, part, n, "background_transfer")


def chosen_targets(view, n, start, targets, who, setting) -> tuple[np.ndarray, list[str]]:
    """(first images (n, H, W, C) of the target view, a name for each)."""
    if targets:
        if len(targets) not in (1, n):
            raise ConfigError(f"{setting}.targets: expected 1 file or {n}, one for each source. Got {len(targets)}.")
        files = list(targets) if len(targets) == n else list(targets) * n
        found = transfer.read_images(files, view.data_shapes[who.target], f"{setting}.targets")
        return found, [Path(t).name for t in files]
    images, tags = transfer.starts(view, n, who, start, setting)
    return images, [_tag_name(view, t) if t >= 0 else "zeros" for t in tags]


def _spliced(view, part, n, indices, who):
    rows = source_rows(view, part, n, indices, SETTING)
    others = transfer.donors(view, part.name, len(rows), who, pick.rng(view, "background_transfer_donors"))
    pair, donor = part.images(rows), part.images(others)
    made = transfer.splice(view, pair, donor, who)
    tiles = same_shape([pair[who.source], pair[who.target], donor[who.source], donor[who.target], made])
    columns = ["source", "its other view", "donor", "its other view", "result"]
    names = tuple(
        f"{pick.image_label(view, part, a)}\n→ {pick.image_label(view, part, b)}" for a, b in zip(rows, others)
    )
    facts = [view.name, f"{part.name} split", "shared code of the source, private codes of the donor", _direction(who)]
    return _figure(tiles, names, columns, "Background transfer by splicing", facts)


def _tag_name(view, tag: int) -> str:
    return str(view.tag_names[tag]) if tag < len(view.tag_names) else f"tag {tag}"


def _direction(who) -> str:
    return f"source in view {who.source + 1}, result in view {who.target + 1}"


def _figure(tiles, rows, columns, title, facts):
    block = Block(np.stack(tiles, axis=1), rows=rows, columns=tuple(columns))  # (N, columns, H, W, C)
    return grid_figure([block], title=title, facts=facts, largest_tile=1.1)
