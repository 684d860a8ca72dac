"""What every image dataset shares, in one place: limit, resize, pad, hold-out, binarise, standardise.

Augmentation of training images, if ever, belongs to the training batches: what is prepared here is what evaluation
sees, for all splits alike.
"""

import math
from dataclasses import replace

import numpy as np

from vaelab.compute import seeds
from vaelab.config.nearest import nearest
from vaelab.config.schema import SHARED
from vaelab.datasets import module
from vaelab.datasets.base import (
    DataFacts,
    Dataset,
    Rows,
    Split,
    chunks,
    different,
    hold_out,
    map_rows,
    map_views,
    static_draw,
    thresholded,
)
from vaelab.errors import ConfigError, DataError
from vaelab.system import memory

# With dynamic binarisation, test images are drawn once and alike for every `seed`: runs of a study share them.
FIXED_SEED = 0


def load_dataset(cfg_dataset: dict, *, data_dir: str | None, seed: int, validation: bool, trusted=()) -> Dataset:
    """The dataset of a composed and checked `dataset` node, ready for training.

    Args:
        cfg_dataset: `_target_`, the shared options and the dataset's own settings.
        data_dir: folder of the user's files, or None.
        seed: the run's seed.
        validation: whether a share of the training images is held out.
        trusted: packages of the user's whose datasets may be named.
    """
    declared = declared_shapes(cfg_dataset)
    loaded = module.load(cfg_dataset, data_dir=data_dir, seed=seed, trusted=trusted)
    dataset = prepare(loaded, shared_options(cfg_dataset), seed=seed, validation=validation)
    if declared is not None and dataset.shapes != declared:
        raise DataError(f"dataset={dataset.name}: expected images of {declared} (H, W, C), found {dataset.shapes}.")
    return dataset


def shared_options(cfg_dataset: dict) -> dict:
    """The options of every image dataset in a `dataset` node; None where they are not given."""
    return {k: cfg_dataset.get(k) for k in SHARED}


def declared_facts(cfg: dict) -> DataFacts | None:
    """What a configuration's model can know of its data before they are read; None where that is too little.

    Raises:
        ConfigError: options that contradict each other or the shape.
    """
    shapes = declared_shapes(cfg["dataset"])
    kind = "standardised" if cfg["dataset"].get("standardize") else "grey"
    return None if shapes is None else DataFacts(shapes, data_kind=kind, n_images=cfg["dataset"].get("limit"))


def declared_shapes(cfg_dataset: dict) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each view after resize and pad_to as far as known without reading data, else None.

    Raises:
        ConfigError: options that contradict each other or the shape.
    """
    shared = shared_options(cfg_dataset)
    if shared["standardize"] and (shared["binarize"] or "none") != "none":
        raise ConfigError(
            f"dataset.standardize=true and dataset.binarize={shared['binarize']} exclude each other: "
            "binary pixels have no grey level to standardise. Leave one out."
        )
    for key in ("resize", "pad_to", "shape"):
        wanted = 3 if key == "shape" else 2
        if shared[key] is not None and len(shared[key]) != wanted:
            form = "[height, width]" if wanted == 2 else "[height, width, channels]"
            raise ConfigError(f"dataset.{key}: expected {form}, got {list(shared[key])}.")
    shapes = module.shapes(cfg_dataset)
    return None if shapes is None else tuple(_final_shape(s, shared) for s in shapes)


def _final_shape(shape, shared: dict) -> tuple[int, int, int]:
    height, width, channels = shape
    if shared["resize"]:
        height, width = shared["resize"]
    if shared["pad_to"]:
        to_height, to_width = shared["pad_to"]
        if to_height < height or to_width < width:
            raise ConfigError(
                f"dataset.pad_to={[to_height, to_width]} is smaller than the images ({height}x{width}). "
                "Use dataset.resize to make images smaller."
            )
        height, width = to_height, to_width
    return height, width, channels


def prepare(dataset: Dataset, shared: dict, *, seed: int, validation: bool) -> Dataset:
    """The dataset with the shared options applied. Arrays stay as small as they are, memory maps stay on disk."""
    _check_values(dataset)
    if shared["normal_classes"] is not None:
        dataset = _normal(dataset, shared["normal_classes"])
    if shared["limit"]:
        dataset = _limited(dataset, shared["limit"])
    final = tuple(_final_shape(s, shared) for s in dataset.shapes)
    for key, change in (("resize", resized), ("pad_to", padded)):
        if shared[key]:
            _fits(dataset, key, tuple(shared[key]))
            dataset = _each_view(dataset, change, tuple(shared[key]))
    assert dataset.shapes == final
    how = _binarisation(dataset, shared["binarize"] or "none")
    if how in ("threshold", "static"):
        drawn_from = static_seed(shared, seed)
        dataset = replace(
            dataset,
            train=binary(dataset.train, how, drawn_from, 0),
            test=binary(dataset.test, how, drawn_from, 1),
        )
    if validation:
        dataset = _with_validation(dataset, shared["validation"], seed, how)
    if shared["labelled"] is not None:
        dataset = _labelled(dataset, shared["labelled"], seed)
    if how == "dynamic":  # training stays grey: the compiled program draws it anew at every step
        dataset = replace(dataset, test=binary(dataset.test, "static", FIXED_SEED, 1))
    dataset = replace(dataset, binarize=how)
    if shared["standardize"]:
        dataset = replace(dataset, standardize=moments(dataset.train))
    return dataset


def static_seed(cfg_dataset: dict, seed: int) -> int:
    """The seed static pixels are drawn from; configurations of before `binarize_seed` mean the run's."""
    own = cfg_dataset.get("binarize_seed")
    return seed if own is None else own


def _binarisation(dataset: Dataset, asked: str) -> str:
    """What to do for `binarize=asked`: nothing where pixels are binary already."""
    if asked != "none" and dataset.values == "real":
        raise ConfigError(
            f"dataset.binarize={asked} needs intensities in [0, 1]; {dataset.name} has real numbers. Use binarize=none."
        )
    return "none" if dataset.values in ("binary", "static") else asked


def _normal(dataset: Dataset, classes: list) -> Dataset:
    """Only training and validation images of some classes; the test split keeps all of them.

    Args:
        classes: names, or numbers.
    """
    if dataset.train.y is None or dataset.enumerated:
        why = "they have no labels" if dataset.train.y is None else "they are a complete set, trained on as a whole"
        raise ConfigError(f"dataset.normal_classes chooses training images by class; of dataset={dataset.name} {why}.")
    different("dataset.normal_classes", list(map(str, classes)))
    known = {name: k for k, name in enumerate(dataset.class_names)}
    known |= {str(k): k for k in known.values() if str(k) not in known}
    for name in classes:
        if str(name) not in known:
            raise ConfigError(f"dataset.normal_classes: there is no class '{name}'. {nearest(str(name), known)}")
    numbers = [known[str(name)] for name in classes]

    def kept(split: Split) -> Split:
        rows = np.flatnonzero(np.isin(split.y, numbers))  # pyright: ignore[reportArgumentType]  it has labels
        if not len(rows):
            raise DataError(f"dataset={dataset.name}: no training image is of {', '.join(map(str, classes))}.")
        return split.take(rows)

    return replace(dataset, train=kept(dataset.train), validation=dataset.validation and kept(dataset.validation))


def _labelled(dataset: Dataset, n: int, seed: int) -> Dataset:
    """Training may see the labels of n training images, as many of each class, and of no others."""
    if dataset.train.y is None or dataset.enumerated:
        why = "they have no labels" if dataset.train.y is None else "they are a complete set, trained on as a whole"
        raise ConfigError(f"dataset.labelled chooses training images by class; of dataset={dataset.name} {why}.")
    classes, rng = np.unique(dataset.train.y), seeds.generator(seed, "split", 1)
    if n < len(classes):
        raise ConfigError(
            f"dataset.labelled={n}: expected at least one image of each of the {len(classes)} classes. Ask for more."
        )
    chosen = np.zeros(len(dataset.train), bool)
    for k, label in enumerate(classes):
        rows, wanted = np.flatnonzero(dataset.train.y == label), n // len(classes) + (k < n % len(classes))
        if wanted > len(rows):
            raise ConfigError(
                f"dataset.labelled={n}: {wanted:,} images of each class are wanted, and class "
                f"{dataset.class_names[int(label)]} has {len(rows):,} training images. Ask for fewer."
            )
        chosen[rng.permutation(rows)[:wanted]] = True
    held = dataset.validation
    return replace(
        dataset,
        train=replace(dataset.train, labelled=chosen),
        validation=held and replace(held, labelled=np.zeros(len(held), bool)),
        test=replace(dataset.test, labelled=np.zeros(len(dataset.test), bool)),
    )


def _limited(dataset: Dataset, n: int) -> Dataset:
    """Only the first n training images; the test split stays whole, so that its numbers mean the same."""
    train = dataset.train.take(slice(0, n))
    return replace(dataset, train=train, test=train if dataset.test is dataset.train else dataset.test)


def _fits(dataset: Dataset, key: str, size: tuple[int, int]) -> None:
    """ConfigError where images of `size` exceed memory: all of them, or one of those read from disk one by one."""
    views = [v for s in (dataset.train, dataset.test, dataset.validation) if s is not None for v in s.x]
    sizes = [math.prod(size) * v.shape[3] * v.dtype.itemsize for v in views]
    counts = [1 if isinstance(v, (np.memmap, Rows)) else len(v) for v in views]
    total = sum(n_bytes * n for n_bytes, n in zip(sizes, counts))
    what = f"dataset.{key}=[{size[0]},{size[1]}] for {sum(map(len, views)):,} images"
    memory.require(total, what, "Choose a smaller size, or fewer images with dataset.limit.")


def _map_splits(dataset: Dataset, function) -> Dataset:
    """The dataset with `function` applied to train, validation (if any) and test; equal splits stay one object."""
    train = function(dataset.train)
    test = train if dataset.test is dataset.train else function(dataset.test)
    held = dataset.validation and function(dataset.validation)
    return replace(dataset, train=train, test=test, validation=held)


def _check_values(dataset: Dataset) -> None:
    """DataError for what no model can take: empty splits, other dtypes, numbers not finite or out of range."""
    for name in ("train", "test"):
        split = dataset.split(name)
        if not len(split):
            raise DataError(f"dataset={dataset.name}: the {name} split has no images.")
        for view in split.x:
            if view.dtype not in (np.uint8, np.float32) or view.ndim != 4:
                raise DataError(
                    f"dataset={dataset.name}: expected images (N, H, W, C) of uint8 or float32, "
                    f"got {view.dtype} of shape {view.shape}."
                )
            if int(np.prod(view.shape[1:])) <= 1:
                raise DataError(f"dataset={dataset.name}: images of {view.shape[1:]} have one pixel; expected more.")
            if view.dtype == np.float32:
                _check_floats(dataset, name, view)
    test_shapes = tuple(tuple(v.shape[1:]) for v in dataset.test.x)
    if test_shapes != dataset.shapes:
        raise DataError(f"dataset={dataset.name}: training images are {dataset.shapes}, test images {test_shapes}.")


def _check_floats(dataset: Dataset, name: str, view) -> None:
    for rows in chunks(view):
        block = view[rows]
        low, high = block.min(), block.max()  # NaN spreads through both
        if not np.isfinite(low) or not np.isfinite(high):
            row = rows.start + int(np.argmax(~np.isfinite(block).reshape(len(block), -1).all(1)))
            raise DataError(f"dataset={dataset.name}: image {row} of the {name} split holds NaN or infinity.")
        if dataset.values != "real" and (low < 0 or high > 1):
            raise DataError(
                f"dataset={dataset.name}: intensities of the {name} split run from {low:.8g} to {high:.8g}; "
                "expected [0, 1] for floats (0..255 only as uint8). Scale them, or declare them real numbers where the "
                "dataset has such a setting."
            )


def _each_view(dataset: Dataset, change, size) -> Dataset:
    """The dataset with `change(images, size)` applied to every view of every split."""

    def changed(view):
        return map_rows(view, lambda x, rows: change(x, size), (*size, view.shape[3]))

    return _map_splits(dataset, lambda split: map_views(split, changed))


def resized(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Images (n, H, W, C) at (n, *size, C), Lanczos; uint8 stays uint8, floats keep their range."""
    from PIL import Image

    height, width = size
    out = np.empty((len(x), height, width, x.shape[3]), x.dtype)
    for i, image in enumerate(x):
        for c in range(x.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., c]))
            out[i, ..., c] = np.asarray(plane.resize((width, height), Image.Resampling.LANCZOS))
    if x.dtype == np.float32 and len(x):  # Lanczos overshoots at edges
        np.clip(out, x.min(), x.max(), out=out)
    return out


def padded(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Images (n, H, W, C) in the middle of zeros (n, *size, C)."""
    top, left = (size[0] - x.shape[1]) // 2, (size[1] - x.shape[2]) // 2
    out = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    out[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return out


def binary(split: Split, how: str, seed: int, number: int) -> Split:
    """The split with views of 0 and 255; `number` tells the splits' random streams apart."""
    key = np.random.SeedSequence([seed, seeds.KEYS["data"], number])

    def step(v):
        return lambda x, rows: thresholded(x) if how == "threshold" else static_draw(x, rows, key, v)

    return replace(split, x=tuple(map_rows(x, step(v), dtype=np.uint8) for v, x in enumerate(split.x)))


def _with_validation(dataset: Dataset, part: float | None, seed: int, how: str) -> Dataset:
    """Holds out training rows, drawn once where training is dynamic; enumerated sets are validated on themselves.

    Args:
        part: as in `hold_out`; None for the dataset's own validation split, 0 for none.
    """
    if dataset.enumerated:
        return replace(dataset, validation=dataset.test)
    if dataset.validation is not None:
        if part is None:
            return dataset
        dataset = replace(dataset, train=_concatenated(dataset.train, dataset.validation), validation=None)
    elif part is None:
        raise ConfigError(
            f"dataset.validation=null stands for a dataset's own validation split; {dataset.name} has none. "
            "Give a share of the training images, for instance 0.1, or how many of the last ones."
        )
    if not part:
        return dataset
    rest, held = hold_out(dataset.train, part, seeds.generator(seed, "split"))
    if how == "dynamic":
        drawn = binary(dataset.train, "static", FIXED_SEED, 2)
        _, held = hold_out(drawn, part, seeds.generator(seed, "split"))
    return replace(dataset, train=rest, validation=held)


def _concatenated(one: Split, other: Split) -> Split:
    """The rows of two splits in memory, one behind the other."""
    pick = lambda a, b: None if a is None else np.concatenate([a, b])  # noqa: E731
    return Split(
        tuple(np.concatenate(pair) for pair in zip(one.x, other.x)),
        pick(one.y, other.y), pick(one.factors, other.factors), pick(one.tags, other.tags),
        pick(one.covariates, other.covariates),
    )  # fmt: skip


def moments(split: Split) -> tuple[float, float]:
    """(mean, std) of all pixels of a split in [0, 1]; DataError where all pixels are equal."""
    n, total, squares = 0, 0.0, 0.0
    for view in split.x:
        for rows in chunks(view):
            block = view[rows]
            if block.dtype == np.uint8:
                flat, levels = block.reshape(-1), np.arange(256) / 255
                for start in range(0, len(flat), 1 << 20):  # bincount widens its input eight times
                    counts = np.bincount(flat[start : start + (1 << 20)], minlength=256)
                    total += float(counts @ levels)
                    squares += float(counts @ levels**2)
            else:
                total += float(block.sum(dtype=np.float64))
                squares += float(np.square(block, dtype=np.float64).sum())
            n += block.size
    mean = total / n
    std = max(squares / n - mean**2, 0.0) ** 0.5
    if std == 0:
        raise DataError("dataset.standardize=true needs pixels that differ; all training pixels are equal.")
    return mean, std
