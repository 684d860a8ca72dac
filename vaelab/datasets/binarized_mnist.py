"""The statically binarised MNIST of the literature: text files of 0 and 1, one image a line."""

from pathlib import Path

import numpy as np

from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.download import damaged, obtain

SIDE = 28
OFFICIAL = (50_000, 10_000, 10_000)


def load(*, data_dir: str | None, seed: int, files: list[dict], folders: list[str], licence: str) -> Dataset:
    """uint8 0 or 255 (N, 28, 28, 1); published train, validation and test split and order; no labels.

    References:
        Salakhutdinov & Murray (2008), On the quantitative analysis of deep belief networks; Larochelle & Murray (2011).
    """
    found = obtain("binarized_mnist", files, folders, data_dir)
    train, validation, test = (Split((read(found[entry["name"]], entry),)) for entry in files)
    sizes, notes = tuple(map(len, (train, validation, test))), ()
    if sizes != OFFICIAL:
        notes = (f"binarized_mnist: {sizes} images (train, validation, test) instead of the published {OFFICIAL}.",)
    return Dataset("binarized_mnist", train, test, validation, values="static", notes=notes)


def read(path: Path, entry: dict) -> np.ndarray:
    """uint8 0 or 255 (N, 28, 28, 1) from lines of 784 digits with blanks between them.

    Raises:
        DataError: anything else in the file.
    """
    text = np.frombuffer(Path(path).read_bytes(), np.uint8)
    digits = (text == ord("0")) | (text == ord("1"))
    others = text[~digits]
    if not np.isin(others, np.frombuffer(b" \r\n", np.uint8)).all():
        unexpected = bytes(others[~np.isin(others, np.frombuffer(b" \r\n", np.uint8))][:1])
        raise damaged("binarized_mnist", path, entry, f"it holds {unexpected!r}, expected 0, 1, blanks and line ends")
    if (digits[1:] & digits[:-1]).any():
        raise damaged("binarized_mnist", path, entry, "it holds numbers above 1, expected 0 and 1 with blanks between")
    ends = np.flatnonzero(np.append(text == ord("\n"), True))
    per_line = np.diff(np.append(0, np.cumsum(digits)[np.minimum(ends, len(text) - 1)])) if len(text) else np.array([])
    per_line = per_line[per_line > 0]
    if not len(per_line) or (per_line != SIDE * SIDE).any():
        wrong = int(per_line[per_line != SIDE * SIDE][0]) if len(per_line) else 0
        raise damaged("binarized_mnist", path, entry, f"a line has {wrong} numbers, expected {SIDE * SIDE}")
    return ((text[digits] == ord("1")) * np.uint8(255)).reshape(-1, SIDE, SIDE, 1)
