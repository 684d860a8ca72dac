"""Views from different datasets, paired row by row: the data of conjoint models."""

from typing import Literal

import numpy as np

from vaelab.config.types import NonNegativeInt
from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.by_name import load_by_name, shapes_by_name
from vaelab.datasets.pairing import paired_rows
from vaelab.errors import ConfigError


def load(
    *,
    data_dir: str | None,
    seed: int,
    members: list[str],
    pairing: Literal["by_index", "by_target"],
    data_seed: NonNegativeInt,
) -> Dataset:
    """One view per member; label = class number in the first member; shorter views are topped up by resampling.

    Args:
        members: options of the group dataset, each with the settings of its own yaml and one view.
        pairing: by_target (members of the same class number) or by_index (the same row).
        data_seed: of the pairs; the run's seed does not change the data.
    """
    parts = [load_by_name(name, "dataset.members", data_dir, seed) for name in members]
    for part in parts:
        if len(part.train.x) != 1:
            raise ConfigError(f"dataset.members: {part.name} has {len(part.train.x)} views, expected datasets of one.")
        if pairing == "by_target" and part.train.y is None:
            raise ConfigError(f"dataset.pairing=by_target needs labels; {part.name} has none. Use pairing=by_index.")
    splits = []
    for number, name in enumerate(("train", "test")):
        sides = [part.split(name) for part in parts]
        labels = [np.zeros(len(s), int) if s.y is None else s.y for s in sides]
        rows = paired_rows(labels, pairing, np.random.default_rng([data_seed, number]))
        taken = [s.take(r) for s, r in zip(sides, rows)]
        splits.append(Split(tuple(t.x[0] for t in taken), taken[0].y))
    kinds = {part.values for part in parts}
    return Dataset(
        "paired",
        *splits,
        class_names=_class_names(parts, pairing),
        values=kinds.pop() if len(kinds) == 1 else "real" if "real" in kinds else "grey",
        enumerated=any(part.enumerated for part in parts),
        notes=tuple(note for part in parts for note in part.notes),
    )


def shapes(*, members: list[str], **_) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each member, if all are known."""
    if len(members) < 2:
        raise ConfigError(f"dataset.members: expected at least two datasets, got {list(members)}.")
    found = [shapes_by_name(name, "dataset.members") for name in members]
    known = [views for views in found if views is not None]
    return tuple(shape for views in known for shape in views) if len(known) == len(found) else None


def _class_names(parts: list[Dataset], pairing: str) -> tuple[str, ...]:
    """Names of the first member; paired by target "a / b" where the members' names differ."""
    first = parts[0].class_names
    if pairing == "by_index" or not first:
        return first
    alike = [p.class_names for p in parts if len(p.class_names) == len(first)]
    return tuple(" / ".join(dict.fromkeys(names)) for names in zip(*alike))
