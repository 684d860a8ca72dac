"""What every dataset is: immutable images of one or several views, split once.

A dataset file defines ``load(**settings) -> Dataset``. Its yaml lists every setting. What all image datasets
share (limit, validation, binarisation, ...) is not its business: `prepare` applies it.
"""

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from vaelab.errors import ConfigError, DataError, name_of

CHUNK_BYTES = 1 << 24  # read at once where a whole dataset is walked


class Stack:
    """Arrays or memory maps one after another, as one array that is read by integer rows.

    Args:
        parts: each (n_i, ...), equal in all but n_i.
    """

    def __init__(self, parts):
        self.parts = tuple(parts)
        self._starts = np.cumsum([0, *map(len, self.parts)])
        self.shape = (int(self._starts[-1]), *self.parts[0].shape[1:])
        self.dtype = self.parts[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The images of integer rows."""
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        part = np.searchsorted(self._starts, rows, side="right") - 1
        for i in np.unique(part):
            out[part == i] = self.parts[i][rows[part == i] - self._starts[i]]
        return out


class Rows:
    """Some rows of a large array, read only when indexed: what a memory map is inside a `Split`.

    ``rows[key]`` reads and returns a numpy array; after each read the pages of a memory map are given back, so that
    resident memory does not grow with the file. ``take(key)`` selects without reading.

    Args:
        base: array, memory map or `Stack` (N, ...).
        index: integer rows of `base` (n,), or None for all of them.
        steps: functions (images, rows of base) -> images, applied in order to what is read.
        shape, dtype: of one image after `steps`, if they change it.
    """

    def __init__(self, base, index=None, steps=(), shape=None, dtype=None):
        self._base = base
        self._index = np.arange(len(base)) if index is None else np.asarray(index)
        self._steps = tuple(steps)
        self.dtype = np.dtype(dtype or base.dtype)
        self.shape = (len(self._index), *(shape or base.shape[1:]))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes all rows would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Rows(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, key) -> np.ndarray:
        if isinstance(key, tuple):
            return self[key[0]][key[1:] if isinstance(key[0], (int, np.integer)) else (slice(None), *key[1:])]
        rows = np.atleast_1d(self._index[key])
        if (rows[1:] > rows[:-1]).all():
            images = np.asarray(self._base[rows])
        else:
            order = np.argsort(rows, kind="stable")  # a disk is read in one direction
            images = np.empty((len(rows), *self._base.shape[1:]), self._base.dtype)
            images[order] = self._base[rows[order]]
        _give_back(self._base)
        for step in self._steps:
            images = step(images, rows)
        return images[0] if isinstance(key, (int, np.integer)) else images

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def take(self, key) -> "Rows":
        """The rows of a slice, an integer array or a mask; nothing is read."""
        return Rows(self._base, self._index[key], self._steps, self.shape[1:], self.dtype)

    def then(self, step, shape=None, dtype=None) -> "Rows":
        """The same rows with one more function applied to what is read."""
        return Rows(self._base, self._index, (*self._steps, step), shape or self.shape[1:], dtype or self.dtype)


def _give_back(base) -> None:
    """Drops a memory map's pages from this process; they stay in the system's file cache."""
    for part in base.parts if isinstance(base, Stack) else (base,):
        if isinstance(part, np.memmap) and part.mode == "r" and hasattr(mmap, "MADV_DONTNEED"):
            part._mmap.madvise(mmap.MADV_DONTNEED)  # pyright: ignore[reportAttributeAccessIssue]  private of numpy


@dataclass(frozen=True)
class Split:
    """N examples of V views.

    Attributes:
        x: tuple of V arrays (or `Rows` of memory maps), each uint8 or float32, (N, H, W, C).
        y: integer class labels (N,), or None.
        factors: integer indices of generative factors (N, F), or None.
        tags: integer per view, for instance a background style (N, V), or None.
        covariates: further numbers (N, F) float32, or None.
        given: the run's condition, ((N, K) float32,), or ().
        masks: which pixels of an image are not as they should be, (N, H, W, 1) uint8 from 0 to 255, or None.
        labelled: which images (N,) training may see the condition of; None for all.
    """

    x: tuple[np.ndarray | Rows, ...]
    y: np.ndarray | None = None
    factors: np.ndarray | None = None
    tags: np.ndarray | None = None
    covariates: np.ndarray | None = None
    given: tuple[np.ndarray, ...] = ()
    masks: np.ndarray | None = None
    labelled: np.ndarray | None = None

    def __post_init__(self):
        object.__setattr__(self, "x", tuple(Rows(v) if isinstance(v, np.memmap) else v for v in self.x))
        further = (self.y, self.factors, self.tags, self.covariates, self.masks, self.labelled)
        for part in (*self.x, *further, *self.given):
            if part is not None and len(part) != len(self.x[0]):
                raise ValueError(f"All parts of a split must have equal length. Received: {len(part)}, {len(self)}")
            if isinstance(part, np.ndarray):
                part.flags.writeable = False

    def __len__(self) -> int:
        return len(self.x[0])

    @property
    def inputs(self) -> tuple[np.ndarray | Rows, ...]:
        """What a model takes: the views, and the condition where there is one."""
        return (*self.x, *self.given)

    @property
    def training_inputs(self) -> tuple[np.ndarray | Rows, ...]:
        """The same as far as training may see it: the condition of an image that is not labelled is zeros."""
        if self.labelled is None:
            return self.inputs
        return (*self.x, *(c * self.labelled[:, None].astype(c.dtype) for c in self.given))

    def take(self, rows) -> "Split":
        """The split of the given rows (a slice, an integer array or a mask). What lies on disk is not read."""
        pick = lambda a: None if a is None else a[rows]  # noqa: E731
        x = tuple(v.take(rows) if isinstance(v, Rows) else v[rows] for v in self.x)
        given = tuple(c[rows] for c in self.given)
        return Split(
            x, pick(self.y), pick(self.factors), pick(self.tags), pick(self.covariates), given, pick(self.masks),
            pick(self.labelled),
        )  # fmt: skip


class Rowed(Sequence):
    """Names of rows, "x_train[0]", "x_train[1]", ..., made when read.

    Args:
        parts: (name, length) of each array in turn.
    """

    def __init__(self, *parts: tuple[str, int]):
        self._parts = parts

    def __len__(self) -> int:
        return sum(length for _, length in self._parts)

    def __getitem__(self, row: int) -> str:
        for name, length in self._parts:
            if row < length:
                return f"{name}[{row}]"
            row -= length
        raise IndexError(row)


class Listed(NamedTuple):
    """Every image of a source by its name.

    Attributes:
        images: in the order of the names.
        names: of their files or rows.
        skipped: {file: why it is no image}.
        values, class_names, covariate_names: as those of `Dataset`.
    """

    images: Split
    names: Sequence[str]
    skipped: dict[str, str] = {}  # noqa: RUF012
    values: str = "grey"
    class_names: tuple[str, ...] = ()
    covariate_names: tuple[str, ...] = ()


class DataFacts(NamedTuple):
    """What a model knows of its data.

    Attributes:
        shapes: (H, W, C) of each view.
        binarize, standardize, data_kind: as those of `Dataset`.
        eight_bit: whether every training pixel is known to be one of 256 levels; False where nobody looked.
        n_images: training images, or an upper bound; None where that is not known yet.
        condition_dim: columns of the condition, 0 for none.
    """

    shapes: tuple[tuple[int, int, int], ...]
    binarize: str = "none"
    standardize: tuple[float, float] | None = None
    data_kind: str = "grey"
    eight_bit: bool = False
    n_images: int | None = None
    condition_dim: int = 0


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test splits with what is known about them.

    Attributes:
        name: the option's name, for titles and records.
        train, validation, test: `Split`; validation is None where nothing is held out.
        class_names: one name per label value; empty without labels.
        factor_names, factor_sizes: for datasets with known generative factors.
        tag_names: names of the tag values.
        covariate_names: one for each column of the splits' covariates.
        condition: the `conditions.columns.Columns` of the splits' `given`, or None.
        values: what a pixel is: "grey" (intensity), "binary" (0 or 1 by nature), "static" (0 or 1, drawn once by who
            published them) or "real" (any real number).
        binarize: none | threshold | static | dynamic, as applied by `prepare`.
        standardize: (mean, std) of the training pixels in [0, 1], or None.
        enumerated: True for tiny sets whose test split is the training split (npoints): stamped on every number.
        notes: sentences a user should read (skipped files, an unofficial archive, ...).
        instead_of: checksum of the data a run was trained on, where these are others and the user accepted them.
    """

    name: str
    train: Split
    test: Split
    validation: Split | None = None
    class_names: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    tag_names: tuple[str, ...] = ()
    covariate_names: tuple[str, ...] = ()
    condition: Any = None
    values: str = "grey"
    binarize: str = "none"
    standardize: tuple[float, float] | None = None
    enumerated: bool = False
    notes: tuple[str, ...] = ()
    instead_of: str | None = None

    def __post_init__(self):
        # texts of files, folders and settings
        for field in ("class_names", "factor_names", "tag_names", "covariate_names", "notes"):
            object.__setattr__(self, field, tuple(name_of(str(text)) for text in getattr(self, field)))

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(H, W, C) of each view."""
        # of other ranks until `prepare` has refused them
        return tuple(tuple(int(n) for n in v.shape[1:]) for v in self.train.x)  # pyright: ignore[reportReturnType]

    @property
    def facts(self) -> DataFacts:
        """What a model of these data must know; `eight_bit`, which takes reading all pixels, is left to the dataset."""
        return DataFacts(
            self.shapes, self.binarize, self.standardize, self.data_kind, n_images=len(self.train),
            condition_dim=0 if self.condition is None else self.condition.dim,
        )  # fmt: skip

    @property
    def data_kind(self) -> str:
        """What a likelihood of these data means: grey, rgb, threshold, static, dynamic, standardised, binary, real."""
        if self.standardize is not None:
            return "standardised"
        if self.binarize != "none":
            return self.binarize
        colour = self.values == "grey" and any(channels == 3 for *_, channels in self.shapes)
        return "rgb" if colour else self.values

    @cached_property
    def eight_bit(self) -> bool:
        """Whether every training pixel is one of the 256 levels k / 255."""
        floats = [view for view in self.train.x if view.dtype != np.uint8]
        return all(_eight_bit(view[rows]) for view in floats for rows in chunks(view))

    def split(self, name: str) -> Split:
        """The split called train, validation or test; DataError where it is absent."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}.get(name)
        if found is None:
            raise DataError(f"This run has no {name} split (dataset={self.name}); train and test are there.")
        return found

    def checksum(self) -> str:
        """sha256 over the bytes of all splits (views, labels and covariates), first 16 hex digits."""
        return self._checksum

    @cached_property
    def _checksum(self) -> str:
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            parts = () if split is None else (*split.x, split.y, split.covariates)
            for part in (p for p in parts if p is not None):
                for rows in chunks(part):
                    digest.update(np.ascontiguousarray(part[rows]).data)
        return digest.hexdigest()[:16]


def chunks(view) -> Iterator[slice]:
    """Slices over the rows of an array or `Rows`, each a few megabytes."""
    per_row = max(1, int(np.prod(view.shape[1:], dtype=np.int64)) * view.dtype.itemsize)
    step = max(1, CHUNK_BYTES // per_row)
    for start in range(0, len(view), step):
        yield slice(start, min(start + step, len(view)))


def to_unit(x: np.ndarray) -> np.ndarray:
    """float32 in [0, 1] from uint8; float input is returned as float32."""
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else np.asarray(x, np.float32)


def _eight_bit(x: np.ndarray) -> bool:
    """Whether floats are multiples of 1 / 255, to the precision of float16."""
    levels = np.multiply(x, 255, dtype=np.float32)
    return bool(np.abs(levels - np.rint(levels)).max(initial=0) < 0.1)


def static_draw(x: np.ndarray, rows: np.ndarray, key: np.random.SeedSequence, view: int = 0) -> np.ndarray:
    """uint8 images of 0 and 255, each pixel 255 with probability its intensity: one draw that never changes.

    The draw of an image depends on its row and view alone, so limit, hold-out and order of reading do not change it.

    Args:
        x: uint8 or float32 in [0, 1], (n, ...).
        rows: row of each image in its split (n,).
        key: the stream of the split.
        view: number of the view.
    """
    bits = np.random.Philox(key=key.generate_state(2, np.uint64))
    rng, state = np.random.Generator(bits), bits.state
    out = np.empty(x.shape, np.uint8)
    for i, row in enumerate(rows):
        state["state"]["counter"][:] = (0, 0, view, row)  # the start of this image's own stretch of the stream
        bits.state = state
        out[i] = (to_unit(x[i]) > rng.random(x.shape[1:], np.float32)) * np.uint8(255)
    return out


def thresholded(x: np.ndarray) -> np.ndarray:
    """uint8 images of 0 and 255 from grey ones: 255 where the intensity is at least 1/2."""
    return (x >= (128 if x.dtype == np.uint8 else 0.5)) * np.uint8(255)


def map_rows(view, step, shape=None, dtype=None):
    """`step(images, rows)` on a view: at once where it lies in memory, at reading where it lies on disk.

    Args:
        shape, dtype: of one image after the step, if they change.
    """
    if isinstance(view, np.memmap):
        view = Rows(view)
    if isinstance(view, Rows):
        return view.then(step, shape, dtype)
    out = np.empty((len(view), *(shape or view.shape[1:])), dtype or view.dtype)
    for rows in chunks(view):
        out[rows] = step(view[rows], np.arange(rows.start, rows.stop))
    return out


def map_views(split: Split | None, function) -> Split | None:
    """The split with `function` applied to each view, and to masks."""
    if split is None:
        return None
    masks = None if split.masks is None else function(split.masks)
    return replace(split, x=tuple(function(v) for v in split.x), masks=masks)


def hold_out(split: Split, part: float, rng: np.random.Generator) -> tuple[Split, Split]:
    """(rest, held out), both in original row order.

    Args:
        part: at most 1, a share of the rows, at least one, drawn at random; above 1, so many rows, the last ones.
        rng: of the draw.
    """
    n_held = int(part) if part > 1 else max(1, round(len(split) * part))
    if n_held >= len(split):
        raise DataError(f"Cannot hold out {part:g} of {len(split)} training images: nothing would be left to train on.")
    rows = np.arange(len(split))[::-1] if part > 1 else rng.permutation(len(split))
    return split.take(np.sort(rows[n_held:])), split.take(np.sort(rows[:n_held]))


def split_rows(n: int, fraction: float, seed: int, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, test rows) of n, each shuffled, so that the first ones are a fair sample.

    Args:
        fraction: share of the test rows, of each class where labels are given (a class of one image is trained on).
        seed: of the split alone.
        y: labels (n,), or None.
    """
    order = np.random.default_rng(seed).permutation(n)
    groups = [order] if y is None else [order[y[order] == label] for label in np.unique(y)]
    n_test = [min(len(g) - 1, max(1, round(len(g) * fraction))) for g in groups]
    is_test = np.zeros(n, bool)
    is_test[np.concatenate([g[:k] for g, k in zip(groups, n_test)])] = True
    train, test = order[~is_test[order]], order[is_test[order]]
    if not len(train) or not len(test):
        raise DataError(f"{n} images cannot be split into training and test images: at least two are needed.")
    return train, test


def check_labels(y: np.ndarray, class_names: Sequence[str], where: str) -> None:
    """DataError unless every label has a name."""
    if len(y) and (y.min() < 0 or y.max() >= len(class_names)):
        raise DataError(f"{where}: labels run from {y.min()} to {y.max()}, but there are {len(class_names)} classes.")


def different(setting: str, names: Sequence[str] | None) -> None:
    """ConfigError where a list of names, if given, is empty or holds one of them twice."""
    if names is not None and (not names or len(set(names)) < len(names)):
        raise ConfigError(f"{setting}: expected different names, got {list(names)}.")
