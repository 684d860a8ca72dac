"""Originals above their reconstructions."""

from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure
from vaelab.plots.style import number

TITLES = {
    "random": "Originals above reconstructions",
    "indices": "Chosen originals above reconstructions",
    "per_class": "Originals above reconstructions, class by class",
    "worst": "Worst reconstructed originals above reconstructions",
    "best": "Best reconstructed originals above reconstructions",
}


def reconstructions(
    view,
    *,
    split: Split,
    choose: Literal["random", "indices", "per_class", "worst", "best"],
    n: PositiveInt,
    indices: list[int] | None,
    condition: Condition | None,
):
    """Pairs of image and decoder mean at the posterior mean, views side by side.

    Args:
        choose: random images; those of `indices`; one per class; or those with the largest or smallest distortion
            (at one posterior draw, nats) of the whole split.
        n: images shown; with per_class at most this many classes.
        indices: row numbers in the split.
        condition: decode with this one (encoded as what it is, drawn as another); null: each image's own.
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    rows = _rows(view, part, choose, n, indices)
    originals = part.images(rows)
    given = pick.given(view, condition, "plots.reconstructions.condition", part.given(rows))
    decoded = view.decode(part.mean[rows], *given)
    labels = [f"{pick.class_name(view, part, r)}\n#{r}".strip() for r in rows]
    if choose in ("worst", "best"):
        labels = [f"{pick.class_name(view, part, r)}\n#{r}: {number(part.distortion[r])}".strip() for r in rows]
    columns = min(len(rows), max(1, 10 // view.n_views))
    blocks = [
        _paired(a, b, labels, columns, pick.view_name(view, v), names=v == 0)
        for v, (a, b) in enumerate(zip(originals, decoded))
    ]
    facts = [view.name, pick.split_facts(view, part, len(rows)), "decoder mean at the posterior mean"]
    if condition is not None:
        facts.append(f"decoded with {pick.told(view, given)}")
    if choose in ("worst", "best"):
        facts.append("index: distortion in nats")
    return grid_figure(blocks, title=TITLES[choose], facts=facts)


def needs(view, *, condition, **_):
    """The condition that was typed."""
    pick.needs_given(view, condition, "plots.reconstructions.condition", own=True)


reconstructions.needs = needs


def _rows(view, part, choose, n, indices) -> np.ndarray:
    if choose == "indices":
        if not indices:
            raise ConfigError("plots.reconstructions.choose=indices needs plots.reconstructions.indices=[0,1,...].")
        return np.array([pick.checked_index(part, i, "plots.reconstructions.indices") for i in indices])
    if choose == "per_class":
        y = pick.need_labels(view, part, "plots.reconstructions.choose=per_class")
        generator = pick.rng(view, "reconstructions")
        present = np.unique(y)[:n]
        return np.array([generator.choice(np.flatnonzero(y == k)) for k in present])
    if choose in ("worst", "best"):
        order = np.argsort(-part.distortion if choose == "worst" else part.distortion, kind="stable")
        return order[:n]
    return pick.random_rows(view, part, n, "reconstructions")


def _paired(originals, decoded, labels, columns, heading, names) -> Block:
    """Rows: originals, reconstructions, originals, ... with the labels above each row of originals."""
    n = len(originals)
    folds = -(-n // columns)
    shape = (folds, 2, columns, *originals.shape[1:])
    images = np.full(shape, np.nan, np.float32)
    above = {}
    for k in range(n):
        fold, column = divmod(k, columns)
        images[fold, 0, column], images[fold, 1, column] = originals[k], decoded[k]
    for fold in range(folds):
        above[2 * fold] = labels[fold * columns : (fold + 1) * columns]
    return Block(
        images.reshape(folds * 2, columns, *originals.shape[1:]),
        heading=heading,
        rows=("original", "decoded") * folds if names else (),
        above=above,
        gap_before=tuple(range(2, 2 * folds, 2)),
    )
