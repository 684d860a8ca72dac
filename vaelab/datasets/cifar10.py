"""CIFAR-10: 50,000 + 10,000 photographs, 32x32 RGB, in the official pickled batches, which are read, never executed."""

import io
import pickle
from pathlib import Path, PurePosixPath

import numpy as np

from vaelab.datasets.archive import members
from vaelab.datasets.base import Dataset, Split, check_labels
from vaelab.datasets.download import damaged, obtain, places

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
OFFICIAL_ROWS = 10000
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(*, data_dir: str | None, seed: int, files: list[dict], folders: list[str], licence: str) -> Dataset:
    """uint8 (N, 32, 32, 3); official split and order.

    An archive of the official layout with other pixels or fewer rows is accepted and noted.

    References:
        Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    entry = files[0]
    unpacked = [p / FOLDER for p in places(folders, data_dir)]
    folder = next((p for p in unpacked if (p / "test_batch").is_file()), None)
    source = folder or obtain("cifar10", files, folders, data_dir)[entry["name"]]
    batches = {}
    for name, content in _contents(source, entry):
        if name in (*TRAIN, "test_batch"):
            batches[name] = _batch(content, source, name, entry)
    for name in (*TRAIN, "test_batch"):
        if name not in batches:
            raise damaged("cifar10", source, entry, f"it lacks '{FOLDER}/{name}'")
    images, labels = (np.concatenate([batches[n][i] for n in TRAIN]) for i in (0, 1))
    train = Split((images,), labels)
    test = Split((batches["test_batch"][0],), batches["test_batch"][1])
    notes = ()
    if len(train) != 5 * OFFICIAL_ROWS or len(test) != OFFICIAL_ROWS:
        notes = (f"{source} is not the complete CIFAR-10: {len(train)} + {len(test)} images instead of 50000 + 10000.",)
    return Dataset("cifar10", train, test, class_names=CLASS_NAMES, notes=notes)


def _contents(source: Path, entry: dict):
    if source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file():
                yield path.name, path.read_bytes()
        return
    for name, content in members(source, entry, "cifar10"):
        if PurePosixPath(name).parent.name == FOLDER:
            yield PurePosixPath(name).name, content


def _batch(content: bytes, source, name: str, entry: dict) -> tuple[np.ndarray, np.ndarray]:
    """(images (n, 32, 32, 3), labels (n,)) of one batch file."""
    where = f"its batch '{name}'"
    try:
        found = _Reader(io.BytesIO(content), encoding="bytes").load()
    except _Foreign as error:
        raise damaged(
            "cifar10", source, entry, f"{where} wants to import {error}, which no official batch does"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        raise damaged("cifar10", source, entry, f"{where} is no readable pickle ({type(error).__name__})") from None
    found = {_text(k): v for k, v in found.items()} if isinstance(found, dict) else {}
    pixels, labels = found.get("data"), found.get("labels")
    if not isinstance(pixels, _Array) or not isinstance(labels, list):
        raise damaged("cifar10", source, entry, f"{where} lacks 'data' or 'labels'")
    n = pixels.shape[0] if len(pixels.shape) == 2 else -1
    if pixels.dtype != "u1" or pixels.shape != (n, 3072) or len(pixels.content) != n * 3072:
        what = f"{where} holds {pixels.dtype} of shape {pixels.shape}, expected uint8 (n, 3072)"
        raise damaged("cifar10", source, entry, what)
    if len(labels) != n or not all(isinstance(v, int) for v in labels):
        raise damaged("cifar10", source, entry, f"{where} has {n} images and {len(labels)} labels")
    y = np.array(labels, np.int64)
    check_labels(y, CLASS_NAMES, f"dataset=cifar10 {where}")
    planes = np.frombuffer(pixels.content, np.uint8).reshape(n, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), y  # (n, 32, 32, 3)


def _text(key) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


class _Foreign(Exception):
    """A pickle names something else than an array of numbers."""


class _Array:
    """Stands in for a pickled numpy array and keeps what it is made of; no numpy code sees the pickle."""

    shape, dtype, content = (), "", b""

    def __setstate__(self, state):
        _, self.shape, dtype, fortran, self.content = state
        self.dtype = getattr(dtype, "code", "")
        if fortran or not isinstance(self.content, (bytes, bytearray)):
            raise _Foreign("an array that is not plain bytes")


class _Dtype:
    def __init__(self, code="", *_):
        self.code = _text(code)

    def __setstate__(self, state):
        pass


def _bytes_of(text, encoding="latin1"):
    """What `_codecs.encode` is used for in batches written by Python 3."""
    return text.encode("latin1")


class _Reader(pickle.Unpickler):
    """Knows arrays and byte strings only; every other name is an error, nothing is imported."""

    _KNOWN = {
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _bytes_of,
    } | {(f"numpy.{core}.multiarray", "_reconstruct"): lambda *_: _Array() for core in ("core", "_core")}

    def find_class(self, module, name):
        found = self._KNOWN.get((module, name))
        if found is None:
            raise _Foreign(f"{module}.{name}")
        return found

    def persistent_load(self, pid):
        raise _Foreign(f"the outside object {pid!r}")
