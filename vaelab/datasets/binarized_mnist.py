"""The statically binarised MNIST of the literature: text files of 0 and 1, one image a line."""

from pathlib import Path

import numpy as np

from vaelab.datasets.archive import in_words
from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.download import damaged, obtain

SIDE = 28
OFFICIAL = (50_000, 10_000, 10_000)
MOST_OF_A_LINE = 4 * SIDE * SIDE  # bytes: 784 digits, each with a blank, take 1,568
MOST_BYTES = 1 << 30  # of one file: the 50,000 images take 78 MB


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
    if path.stat().st_size > MOST_BYTES:
        size = f"{in_words(path.stat().st_size)}, expected at most {in_words(MOST_BYTES)}"
        raise damaged("binarized_mnist", path, entry, f"it has {size}")
    images = []
    with open(path, "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_OF_A_LINE), b""), start=1):
            digits = line.split()
            if not digits:
                continue
            if len(digits) != SIDE * SIDE:
                what = f"line {number} has {len(digits)} numbers, expected {SIDE * SIDE}"
                raise damaged("binarized_mnist", path, entry, what)
            image = b"".join(digits)
            if len(image) != SIDE * SIDE or image.translate(None, b"01"):
                wrong = next(d for d in digits if d not in (b"0", b"1"))[:20].decode("ascii", "replace")
                raise damaged("binarized_mnist", path, entry, f"line {number} holds {wrong!r}, expected 0 and 1 only")
            images.append(image)
    if not images:
        raise damaged("binarized_mnist", path, entry, "it holds no images")
    pixels = np.frombuffer(b"".join(images), np.uint8)
    return ((pixels == ord("1")) * np.uint8(255)).reshape(-1, SIDE, SIDE, 1)
