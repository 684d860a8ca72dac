"""The IDX format of MNIST and its relatives: magic number, big-endian sizes, bytes; gzipped or not."""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from vaelab.datasets.archive import MOST_DEFLATE_SAVES, Unreadable, fill, in_words
from vaelab.datasets.base import Dataset, Split, check_labels
from vaelab.datasets.download import damaged, obtain
from vaelab.errors import DataError

_UNSIGNED_BYTE = 0x08
MOST_BYTES = 1 << 30  # of one file: the 697,932 images of EMNIST, the largest relative, take 547 MB


def read(path, entry: dict, dataset: str) -> np.ndarray:
    """The uint8 array of one IDX file.

    Args:
        path: the file, gzipped (recognised by content, not by name) or plain.
        entry: its line of the yaml's `files`: sha256 of the uncompressed bytes (null: not checked), url.
        dataset: option name, for messages.
    Raises:
        DataError: truncated or damaged gzip, wrong magic number, wrong or absurd length, other checksum.
    """
    path = Path(path)
    with path.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as stream:
            return _parse(stream, path, entry, dataset, path.stat().st_size * (MOST_DEFLATE_SAVES if zipped else 1))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(dataset, path, entry, f"its gzip stream is truncated or damaged ({error})") from None


def _parse(stream, path, entry, dataset, most_bytes) -> np.ndarray:
    digest = hashlib.sha256()
    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] != _UNSIGNED_BYTE or not 1 <= header[3] <= 4:
        what = f"it starts with the bytes {header.hex(' ') or 'of an empty file'}, an IDX file with 00 00 08 01 to 04"
        raise damaged(dataset, path, entry, what)
    sizes = stream.read(4 * header[3])
    if len(sizes) < 4 * header[3]:
        raise damaged(dataset, path, entry, "it ends inside its header")
    shape = struct.unpack(f">{header[3]}I", sizes)
    expected = math.prod(shape)
    digest.update(header + sizes)
    if expected > most_bytes:
        raise damaged(dataset, path, entry, f"its header promises {expected} bytes, more than the file can hold")
    if expected > MOST_BYTES:
        what = f"its header promises {in_words(expected)}, expected at most {in_words(MOST_BYTES)}"
        raise damaged(dataset, path, entry, what)
    try:
        array = fill(stream, shape, np.uint8, digest=digest)
    except Unreadable as error:
        raise damaged(dataset, path, entry, str(error)) from None
    if entry.get("sha256") and digest.hexdigest() != entry["sha256"]:
        raise damaged(dataset, path, entry, f"its uncompressed content has sha256 {digest.hexdigest()}")
    return array


def load_pairs(dataset: str, files: list[dict], folders: list[str], class_names, data_dir: str | None) -> Dataset:
    """A dataset of four IDX files, told apart by their names: train/t10k (or test), images/labels."""
    paths = obtain(dataset, files, folders, data_dir)
    splits = {}
    for split, prefix in (("train", "train"), ("test", ("t10k", "test"))):
        parts = {}
        for part, dims in (("images", 3), ("labels", 1)):
            entry = next(f for f in files if f["name"].startswith(prefix) and part in f["name"])
            parts[part] = read(paths[entry["name"]], entry, dataset)
            if parts[part].ndim != dims:
                what = f"it has {parts[part].ndim} dimensions, {part} have {dims}"
                raise damaged(dataset, paths[entry["name"]], entry, what)
        images, labels = parts["images"], parts["labels"].astype(np.int64)
        if len(images) != len(labels):
            raise DataError(
                f"dataset={dataset}: {len(images)} {split} images but {len(labels)} labels in "
                f"{paths[entry['name']].parent}. The files do not belong together: fetch them again."
            )
        if not len(images):
            raise DataError(f"dataset={dataset}: the {split} files in {paths[entry['name']].parent} hold no image.")
        check_labels(labels, class_names, f"dataset={dataset} {split}")
        splits[split] = Split((images[..., None],), labels)
    return Dataset(dataset, splits["train"], splits["test"], class_names=tuple(class_names))
