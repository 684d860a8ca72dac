"""A dataset at a glance: some images of each class with its name and counts, views side by side."""

import numpy as np

from vaelab.plots.grid import Block, folded, grid_figure, square

PER_CLASS = 10  # images of each class
MOST_ROWS = 26  # of one block; more classes stand in several blocks side by side


def contact_sheet(dataset):
    """Figure of training images of each class, from all over the split; without labels a grid of the first ones.

    Args:
        dataset: `Dataset`; not a view: nothing has been trained.
    Returns:
        matplotlib Figure.
    """
    names, y = dataset.class_names, dataset.train.y
    if y is None or (len(dataset.train.x) > 1 and len(names) > MOST_ROWS):
        blocks = _unlabelled(dataset)
    else:
        blocks = _by_class(dataset, names, y)
    if len({b.images.shape[0] for b in blocks}) == 1 and len(dataset.train.x) > 1:
        blocks = [b._replace(heading=f"view {v + 1}") for v, b in enumerate(blocks)]
    return grid_figure(blocks, title=f"{dataset.name}: {_sizes(dataset)}", facts=_facts(dataset))


def _unlabelled(dataset):
    height, width, _ = dataset.shapes[0]
    n = min(len(dataset.train), 120 if len(dataset.train.x) == 1 else 60)
    columns = square(n, height, width, blocks=len(dataset.train.x))
    return [Block(folded(_unit(x[:n], dataset), columns)) for x in dataset.train.x]


def _by_class(dataset, names, y):
    n_views = len(dataset.train.x)
    n_blocks = 1 if n_views > 1 else -(-len(names) // MOST_ROWS)
    per_class = max(3, PER_CLASS // max(n_blocks, n_views))
    rows = _rows_by_class(y, len(names), per_class)  # (K, per_class), -1: none
    in_test = np.zeros(len(names), int) if dataset.test.y is None else np.bincount(dataset.test.y, minlength=len(names))
    in_train = np.bincount(y, minlength=len(names))
    between = "\n" if n_blocks == 1 and dataset.shapes[0][0] > 1 else "  "
    labels = [f"{name}{between}{a:,} + {b:,}" for name, a, b in zip(names, in_train, in_test)]
    if n_views > 1:
        return [
            Block(_tiles(x, rows, dataset), rows=tuple(labels) if v == 0 else ()) for v, x in enumerate(dataset.train.x)
        ]
    size = -(-len(names) // n_blocks)
    parts = [slice(k * size, (k + 1) * size) for k in range(n_blocks)]
    return [Block(_tiles(dataset.train.x[0], rows[p], dataset), rows=tuple(labels[p])) for p in parts]


def _rows_by_class(y, n_classes: int, per_class: int) -> np.ndarray:
    rows = np.full((n_classes, per_class), -1)
    for label in range(n_classes):
        found = np.flatnonzero(y == label)
        spread = np.unique((np.arange(per_class) * 0.618034 % 1 * len(found)).astype(int))  # without a period
        chosen = found[spread] if len(found) else found
        rows[label, : len(chosen)] = chosen
    return rows


def _tiles(view, rows, dataset) -> np.ndarray:
    """(K, per_class, H, W, C) in [0, 1], NaN where a class has fewer images."""
    flat = rows.reshape(-1)
    images = np.full((len(flat), *view.shape[1:]), np.nan, np.float32)
    images[flat >= 0] = _unit(view[flat[flat >= 0]], dataset)
    return images.reshape(*rows.shape, *view.shape[1:])


def _unit(images, dataset) -> np.ndarray:
    """float32 in [0, 1]; real numbers are stretched over the range of the first 1,000 images."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if dataset.values != "real":
        return images
    low, high = _range(dataset)
    return (images - low) / max(high - low, 1e-12)


def _range(dataset) -> tuple[float, float]:
    first = [x[:1000] for x in dataset.train.x]
    return min(float(x.min()) for x in first), max(float(x.max()) for x in first)


def _sizes(dataset) -> str:
    return f"{len(dataset.train):,} training and {len(dataset.test):,} test images"


def _facts(dataset) -> tuple[str, ...]:
    shapes = " and ".join(dict.fromkeys("x".join(map(str, s)) for s in dataset.shapes))
    views = f"{len(dataset.train.x)} views of {shapes}" if len(dataset.train.x) > 1 else shapes
    classes = (
        f"{len(dataset.class_names)} classes (training + test images of each)" if dataset.class_names else "no labels"
    )
    factors = ", ".join(f"{n} {k}" for n, k in zip(dataset.factor_names, dataset.factor_sizes))
    low_high = (
        "shown from {:.3g} (black) to {:.3g} (white)".format(*_range(dataset)) if dataset.values == "real" else ""
    )
    kind = "" if dataset.data_kind in ("grey", "rgb", "real") else dataset.data_kind
    same = "the test images are the training images" if dataset.enumerated else ""
    return (views, classes, f"factors: {factors}" if factors else "", kind, low_high, same)
