"""Your own arrays: an .npz file of named arrays, or an .npy file of one array, which is read from disk as needed."""

import os
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np

from vaelab.config.types import Fraction, NonNegativeInt, PositiveInt
from vaelab.datasets.archive import READ_ERRORS, Unreadable, map_npy, read_npy, usable_memory, zip_member
from vaelab.datasets.base import Dataset, Listed, Rowed, Split, check_labels, chunks, different, map_rows, split_rows
from vaelab.errors import ConfigError, DataError, visible

AGAIN = "Save it again as a plain array of numbers, with numpy.savez or numpy.save."
FREE = "are free in memory (an .npy file stays on the disk and is read as needed)"
MOST_CLASSES = 100_000


def load(
    *,
    data_dir: str | None,
    seed: int,
    path: str | None,
    train: list[str],
    test: list[str] | None,
    train_labels: str | None,
    test_labels: str | None,
    train_covariates: str | None,
    test_covariates: str | None,
    covariate_names: list[str] | None,
    image_shape: list[PositiveInt] | None,
    values: Literal["grey", "binary", "real"],
    class_names: list[str] | None,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
) -> Dataset:
    """Views of uint8 or float32 (N, H, W, C) from arrays (N, H, W, C), (N, H, W) or, with `image_shape`, any (N, ...).

    Integers 0..255 are bytes, booleans 0 and 255; floats become float32 and lie in [0, 1] unless values=real.

    Args:
        path: the file; relative to the working directory or to data_dir. An .npy file has no names: it is the only
            view, without labels and test split.
        train, test: names of the arrays, one per view; test None: `test_fraction` is held out with `data_seed`.
        train_labels, test_labels: names of integer arrays (N,), or None.
        train_covariates, test_covariates: names of arrays of numbers (N,) or (N, F), for condition=array, or None.
        covariate_names: of the F columns (None: covariate_1, ...).
        image_shape: (H, W, C) of one image where the array does not say it (None: it does).
        values: grey (intensities), binary (0 and 1 by nature) or real (any numbers).
        class_names: of labels 0, 1, ... (None: the numbers).
    """
    splits, names, covariates = _splits(
        path, data_dir, train, test, (train_labels, test_labels), (train_covariates, test_covariates), covariate_names,
        image_shape, values, class_names,
    )  # fmt: skip
    if len(splits) == 1:
        whole = splits[0]
        splits = [whole.take(rows) for rows in split_rows(len(whole), test_fraction, data_seed, whole.y)]
    notes = ()
    if values == "grey" and any(v.dtype == np.uint8 and _range(v)[1] == 1 for v in splits[0].x):
        told = f"the pixels of {_find(path, data_dir)} are 0 and 1 of 255, nearly black"
        notes = (f"npz: {told}. If 1 means white: dataset.values=binary.",)
    return Dataset("npz", *splits, class_names=names, covariate_names=covariates, values=values, notes=notes)


def listed(*, data_dir: str | None, path, train, test, image_shape, values) -> Listed:
    """Every image of the arrays `train` and, where there are any, `test`, by the first array's name and its row."""
    return listed_told(
        data_dir=data_dir, path=path, train=train, test=test, train_labels=None, test_labels=None,
        train_covariates=None, test_covariates=None, covariate_names=None, image_shape=image_shape, values=values,
        class_names=None,
    )  # fmt: skip


def listed_told(
    *, data_dir: str | None, path, train, test, train_labels, test_labels, train_covariates, test_covariates,
    covariate_names, image_shape, values, class_names,
) -> Listed:  # fmt: skip
    """`listed` with labels and covariates; -1 and not-a-number where only the other array's images have any."""
    splits, names, covariates = _splits(
        path, data_dir, train, test, (train_labels, test_labels), (train_covariates, test_covariates), covariate_names,
        image_shape, values, class_names,
    )  # fmt: skip
    groups = [["x"]] if str(path).lower().endswith(".npy") else [train, test][: len(splits)]
    x = splits[0].x if len(splits) == 1 else tuple(np.concatenate(pair) for pair in zip(*(s.x for s in splits)))
    y = [np.full(len(s), -1) if s.y is None else s.y for s in splits] if names else None
    nothing = [np.full((len(s), len(covariates)), np.nan, np.float32) for s in splits]
    c = [n if s.covariates is None else s.covariates for s, n in zip(splits, nothing)] if covariates else None
    images = Split(x, None if y is None else np.concatenate(y), covariates=None if c is None else np.concatenate(c))
    rows = Rowed(*((group[0], len(split)) for group, split in zip(groups, splits)))
    return Listed(images, rows, {}, values, names, covariates)


def _splits(
    path, data_dir, train, test, labels, covariates, covariate_names, image_shape, values, class_names
) -> tuple[list[Split], tuple[str, ...], tuple[str, ...]]:
    """(training and, where there are any, test images; names of their classes; names of their covariates)

    Args:
        labels, covariates: names of the arrays of training and of test images, or None.
    """
    wanted = [*train, labels[0], covariates[0], *([*test, labels[1], covariates[1]] if test else [])]
    source, arrays = _read(path, data_dir, wanted)
    if source.suffix.lower() == ".npy":
        train, test, labels, covariates = ["x"], None, (None, None), (None, None)
    groups = [(train, labels[0], covariates[0])] + ([(test, labels[1], covariates[1])] if test else [])
    splits = [_split(arrays, source, *group, image_shape, values) for group in groups]
    columns = _covariate_names(covariate_names, splits, source)
    known = [s.y for s in splits if s.y is not None]
    n_classes = max((int(y.max(initial=-1)) for y in known), default=-1) + 1
    if n_classes > MOST_CLASSES:
        raise DataError(
            f"dataset=npz {source}: labels run to {n_classes - 1}; expected numbers of classes 0, 1, ..., below "
            f"{MOST_CLASSES}. Leave them out with dataset.train_labels=null dataset.test_labels=null."
        )
    names = tuple(class_names or map(str, range(n_classes)))
    for y in known:
        check_labels(y, names, f"dataset=npz {source}")
    return splits, names if known else (), columns


def _read(path: str | None, data_dir: str | None, names: list) -> tuple[Path, dict]:
    """(the file, {name: array} of these arrays; of an .npy file its only one, "x")."""
    source = _find(path, data_dir)
    return source, {"x": _mapped(source)} if source.suffix.lower() == ".npy" else _archive(source, names)


def shapes(*, path, image_shape, train, class_names, covariate_names, **_) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each view if `image_shape` says it."""
    if not path:
        raise ConfigError("dataset=npz needs the file of your arrays: dataset.path=FILE.npz.")
    if not train:
        raise ConfigError("dataset.train: expected the name of at least one array, got [].")
    different("dataset.class_names", class_names)
    different("dataset.covariate_names", covariate_names)
    if image_shape is None:
        return None
    if len(image_shape) != 3:
        raise ConfigError(f"dataset.image_shape: expected [height, width, channels], got {list(image_shape)}.")
    return (tuple(image_shape),) * (1 if str(path).lower().endswith(".npy") else len(train))


def _find(path: str | None, data_dir: str | None) -> Path:
    if not path:
        raise ConfigError("dataset=npz needs the file of your arrays: dataset.path=FILE.npz.")
    data_dir = data_dir or os.environ.get("VAELAB_DATA")
    candidates = [Path(path).expanduser()] + ([Path(data_dir).expanduser() / path] if data_dir else [])
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DataError(f"dataset.path: there is no file {' or '.join(map(str, candidates))}.")


def _mapped(source: Path) -> np.ndarray:
    """The array of an .npy file, as a memory map."""
    try:
        return map_npy(source)
    except (Unreadable, *READ_ERRORS) as error:
        raise DataError(f"dataset=npz: {source} cannot be read: {error}. {AGAIN}") from None


def _archive(source: Path, wanted: list[str | None]) -> dict[str, np.ndarray]:
    """The wanted arrays of an .npz file, as many as the memory holds."""
    found, room = {}, usable_memory()
    try:
        with zipfile.ZipFile(source) as archive:
            there = [n.removesuffix(".npy") for n in archive.namelist()]
            for name in dict.fromkeys(n for n in wanted if n is not None):
                if there.count(name) != 1:
                    what = "no array" if name not in there else f"{there.count(name)} arrays called"
                    raise DataError(
                        f"dataset=npz: {source} has {what} '{name}'; it has: {_listed(there)}. "
                        "Name them with dataset.train=[...], dataset.test=[...] or null, dataset.train_labels and "
                        "dataset.test_labels (null: none)."
                    )
                try:
                    with zip_member(archive, archive.namelist()[there.index(name)]) as (stream, content):
                        found[name] = read_npy(stream, content, room, FREE)
                except (Unreadable, *READ_ERRORS) as error:
                    raise DataError(
                        f"dataset=npz: array '{name}' of {source} cannot be read: {error}. {AGAIN}"
                    ) from None
                room -= found[name].nbytes
            return found
    except READ_ERRORS as error:
        raise DataError(f"dataset=npz: {source} is no readable .npz file ({error}).") from None


def _listed(names: list[str]) -> str:
    return ", ".join(map(visible, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def _split(
    arrays, source: Path, views: list[str], labels: str | None, covariates: str | None, image_shape, values: str
) -> Split:
    x = tuple(_images(arrays[name], name, source, image_shape, values) for name in views)
    y = None if labels is None else _labels(arrays[labels], labels, source)
    c = None if covariates is None else _covariates(arrays[covariates], covariates, source)
    for name, part in zip([*views, labels, covariates], [*x, y, c]):
        if part is not None and len(part) != len(x[0]):
            raise DataError(
                f"dataset=npz: {source} has {len(x[0])} images in '{views[0]}' but {len(part)} in '{name}'."
            )
    return Split(x, y, covariates=c)


def _covariates(array: np.ndarray, name: str, source: Path) -> np.ndarray:
    """(N, F) float32."""
    columns = array[:, None] if array.ndim == 1 else array
    if columns.ndim != 2 or not columns.shape[1] or columns.dtype.kind not in "buif":
        raise DataError(
            f"dataset=npz: covariates '{name}' of {source} are {array.dtype} of shape {array.shape}; expected numbers "
            "(N,) or (N, F)."
        )
    return _single(columns)


def _covariate_names(names: list[str] | None, splits: list[Split], source: Path) -> tuple[str, ...]:
    """One for each column of the splits' covariates.

    Raises:
        DataError: the splits have other numbers of columns, or one has none.
        ConfigError: there are more or fewer names.
    """
    widths = [0 if s.covariates is None else s.covariates.shape[1] for s in splits]
    if len(set(widths)) > 1:
        raise DataError(f"dataset=npz {source}: covariates of training and test images have {widths} columns.")
    if names is not None and len(names) != widths[0]:
        raise ConfigError(f"dataset.covariate_names: expected {widths[0]} names, one for each column, got {names}.")
    return tuple(names or (f"covariate_{k}" for k in range(1, widths[0] + 1)))


def _labels(array: np.ndarray, name: str, source: Path) -> np.ndarray:
    flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1 or flat.dtype.kind not in "iu":
        raise DataError(
            f"dataset=npz: labels '{name}' of {source} are {array.dtype} of shape {array.shape}; "
            "expected integers (N,)."
        )
    return flat.astype(np.int64)


def _images(array: np.ndarray, name: str, source: Path, image_shape, values: str):
    """uint8 or float32 (N, H, W, C), an array or what is read from the memory map."""
    where = f"dataset=npz: '{name}' of {source}"
    kind = array.dtype.kind
    if kind not in "buif":
        raise DataError(f"{where} is of {array.dtype}; expected numbers.")
    shape = _image_shape(array, name, source, image_shape)
    if 0 in shape:
        raise DataError(f"{where} has shape {array.shape}: its images have no pixels; expected more than one.")
    if values == "binary":
        _check_binary(array, where)
    if kind == "f" or values == "real":
        return _to(array, shape, np.float32, _single)
    if kind == "b":
        return _to(array, shape, np.uint8, lambda x: x * np.uint8(255))
    low, high = _range(array)
    if low < 0 or high > 255:
        raise DataError(f"{where} holds integers from {low} to {high}; expected 0 to 255, or dataset.values=real.")
    if values == "binary" and high == 1:
        return _to(array, shape, np.uint8, lambda x: x.astype(np.uint8) * np.uint8(255))
    if array.dtype == np.uint8 and array.shape[1:] == shape:
        return array
    return _to(array, shape, np.uint8, lambda x: x.astype(np.uint8))


def _check_binary(array, where: str) -> None:
    """DataError unless every number is 0 or 1, or every one 0 or 255."""
    one = 255 if array.dtype.kind != "f" and _range(array)[1] > 1 else 1
    for rows in chunks(array):
        wrong = array[rows][(array[rows] != 0) & (array[rows] != one)]
        if wrong.size:
            raise DataError(
                f"{where} is no binary array: it holds {wrong.flat[0]}; expected 0 and 1 (or 0 and 255) only. "
                "Use dataset.values=grey, and dataset.binarize to make grey pixels binary."
            )


def _single(x: np.ndarray) -> np.ndarray:
    """float32; what does not fit is infinite, and refused as such."""
    with np.errstate(over="ignore"):
        return x.astype(np.float32)


def _to(array, shape, dtype, convert):
    return map_rows(array, lambda x, rows: convert(x).reshape(len(x), *shape), shape, dtype)


def _range(array) -> tuple[int, int]:
    ends = [(int(array[rows].min()), int(array[rows].max())) for rows in chunks(array)]
    return min((e[0] for e in ends), default=0), max((e[1] for e in ends), default=0)


def _image_shape(array, name: str, source: Path, image_shape) -> tuple[int, int, int]:
    if image_shape is not None:
        shape = tuple(image_shape)
        if array.ndim < 1 or int(np.prod(array.shape[1:], dtype=np.int64)) != int(np.prod(shape)):
            raise DataError(
                f"dataset=npz: '{name}' of {source} has shape {array.shape}, which is not (N, ...) of images {shape}."
            )
        return shape
    if array.ndim == 4:
        return array.shape[1:]
    if array.ndim == 3:
        return (*array.shape[1:], 1)
    raise DataError(
        f"dataset=npz: '{name}' of {source} has shape {array.shape}; expected (N, H, W, C) or (N, H, W). "
        "Say the shape of one image with dataset.image_shape=[H,W,C]."
    )
