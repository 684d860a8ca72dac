"""Quick, Draw!: doodles of 345 categories as 28x28 grey bitmaps, one .npy file per category."""

import difflib

import numpy as np

from vaelab.config.types import Fraction, NonNegativeInt, PositiveInt
from vaelab.datasets.archive import READ_ERRORS, Unreadable, map_npy
from vaelab.datasets.base import Dataset, Rows, Split, Stack, different, split_rows
from vaelab.datasets.download import damaged, obtain, places
from vaelab.errors import ConfigError, DataError

SIDE = 28


def load(
    *,
    data_dir: str | None,
    seed: int,
    categories: list[str],
    limit_per_category: PositiveInt | None,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
    url: str,
    sha256: dict,
    folders: list[str],
    licence: str,
) -> Dataset:
    """uint8 (N, 28, 28, 1), white ink on black; label = category; read from disk as needed.

    Args:
        categories: names of the official list; labels follow this order.
        limit_per_category: the first so many drawings of each file (null: all, about 140,000).
        test_fraction: share of each category that is held out, drawn with `data_seed`.
    References:
        Google Creative Lab (2017), The Quick, Draw! Dataset.
    """
    files = needed(categories=categories, url=url, sha256=sha256)
    try:
        paths = obtain("quickdraw", files, folders, data_dir)
    except DataError as error:
        raise DataError(f"{error}{_near_miss(categories, folders, data_dir)}") from None
    parts = [_bitmaps(paths[f["name"]], f)[:limit_per_category] for f in files]
    y = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    images = Rows(Stack(parts)).then(lambda x, rows: x.reshape(-1, SIDE, SIDE, 1), (SIDE, SIDE, 1))
    everything = Split((images,), y)
    train, test = split_rows(len(y), test_fraction, data_seed, y)
    return Dataset("quickdraw", everything.take(train), everything.take(test), class_names=tuple(categories))


def needed(*, categories: list[str], url: str, sha256: dict, **_) -> list[dict]:
    """The files of the chosen categories, as `obtain` wants them."""
    different("dataset.categories", categories)
    for name in categories:
        if "/" in name or "\\" in name or name.startswith("."):
            raise ConfigError(f"dataset.categories: '{name}' is not a category of Quick, Draw!.")
    return [
        {"name": f"{c}.npy", "url": url.format(category=c.replace(" ", "%20")), "sha256": sha256.get(c)}
        for c in categories
    ]


def _bitmaps(path, entry: dict) -> np.ndarray:
    """The memory map (N, 784) of one file."""
    try:
        array = map_npy(path)
    except (Unreadable, *READ_ERRORS) as error:
        raise damaged("quickdraw", path, entry, f"it cannot be read as a .npy array ({error})") from None
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != SIDE * SIDE or not len(array):
        what = f"it holds {array.dtype} of shape {array.shape}, expected uint8 (N, {SIDE * SIDE})"
        raise damaged("quickdraw", path, entry, what)
    return array


def _near_miss(categories, folders, data_dir) -> str:
    there = sorted({p.stem for folder in places(folders, data_dir) for p in folder.glob("*.npy")})
    missing = [c for c in categories if c not in there]
    close = [m for c in missing for m in difflib.get_close_matches(c, there, n=1)]
    if close:
        return f"\nDid you mean '{close[0]}'?"
    return f"\nThere are already: {', '.join(there)}." if there else ""
