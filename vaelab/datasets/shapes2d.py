"""Shapes with known factors: squares, ellipses and hearts in every scale, rotation and position; made here, no file."""

import itertools
import math

import numpy as np

from vaelab.config.types import Fraction, NonNegativeInt, PositiveInt
from vaelab.datasets.base import Dataset, Split, split_rows

SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "rotation", "x", "y")


def load(
    *,
    data_dir: str | None,
    seed: int,
    image_size: PositiveInt,
    scales: PositiveInt,
    rotations: PositiveInt,
    positions: PositiveInt,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
) -> Dataset:
    """uint8 0 or 255 (N, image_size, image_size, 1), one image per combination of factors; label = shape.

    Rotations divide a quarter turn, so that, unlike in dSprites, no two combinations look alike.

    Args:
        scales: sizes from 0.6 to 1.
        rotations: angles k/rotations of a quarter turn.
        positions: places along x and along y.
        test_fraction: share of the combinations held out, drawn with `data_seed`.
    """
    sizes = (len(SHAPES), scales, rotations, positions, positions)
    factors = np.array(list(itertools.product(*map(range, sizes))), np.int64)
    images = np.empty((len(factors), image_size, image_size, 1), np.uint8)
    for i, values in enumerate(factors):
        images[i, ..., 0] = draw(values, sizes, image_size)
    everything = Split((images,), factors[:, 0].copy(), factors)
    train, test = split_rows(len(factors), test_fraction, data_seed)
    return Dataset(
        "shapes2d",
        everything.take(train),
        everything.take(test),
        class_names=SHAPES,
        factor_names=FACTORS,
        factor_sizes=sizes,
        values="binary",
    )


def shapes(*, image_size: int, **_) -> tuple[tuple[int, int, int], ...]:
    """((image_size, image_size, 1),)"""
    return ((image_size, image_size, 1),)


def draw(values, sizes, image_size: int) -> np.ndarray:
    """uint8 (image_size, image_size): 255 where a pixel's centre lies inside the shape.

    Args:
        values: shape, scale, rotation, x, y as integers below `sizes`.
    """
    shape, scale, rotation, column, row = (int(v) for v in values)
    radius = image_size * 0.22 * (0.6 + 0.4 * _share(scale, sizes[1], 1.0))
    margin = image_size * 0.32  # the widest shape, turned, stays inside
    centre_x = margin + (image_size - 2 * margin) * _share(column, sizes[3], 0.5)
    centre_y = margin + (image_size - 2 * margin) * _share(row, sizes[4], 0.5)
    angle = math.pi / 2 * rotation / sizes[2]
    across = (np.arange(image_size) + 0.5 - centre_x) / radius
    down = (np.arange(image_size)[:, None] + 0.5 - centre_y) / radius
    u = math.cos(angle) * across + math.sin(angle) * down
    v = -math.sin(angle) * across + math.cos(angle) * down
    if SHAPES[shape] == "square":
        inside = np.maximum(np.abs(u), np.abs(v)) <= 1
    elif SHAPES[shape] == "ellipse":
        inside = (u / 1.3) ** 2 + (v / 0.65) ** 2 <= 1
    else:  # (a^2 + b^2 - 1)^3 = a^2 b^3, point down
        a, b = 1.15 * u, 0.1 - 1.15 * v
        inside = (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
    return inside * np.uint8(255)


def _share(value: int, size: int, alone: float) -> float:
    """Place of a value in 0..1; `alone` where there is only one."""
    return value / (size - 1) if size > 1 else alone
