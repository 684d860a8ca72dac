"""Digits on patterned backgrounds in several views: the digit is shared, the background is each view's own."""

import difflib
import math
from pathlib import Path
from typing import Literal

import numpy as np

from vaelab.config.types import NonNegativeInt
from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.by_name import load_by_name, shapes_by_name
from vaelab.datasets.pairing import paired_rows
from vaelab.errors import ConfigError, DataError

ONE_OF_THREE = ("horizontal", "vertical", "checkerboard")  # what "stripy" is drawn from
STYLES = (*ONE_OF_THREE, "stripy", "mosaic", "blank")
ALIASES = {"trippy": "mosaic"}
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def load(
    *,
    data_dir: str | None,
    seed: int,
    base: Literal["mnist", "fashionmnist", "digits"],
    views: list[str],
    pairing: Literal["by_index", "by_target"],
    data_seed: NonNegativeInt,
) -> Dataset:
    """V views of uint8 (N, H, W, 1): the base image where its pixels are not 0, a background elsewhere.

    Label = class of the base image, tag = background of each view ("stripy" is tagged by what was drawn).

    Args:
        views: one style each: horizontal, vertical, checkerboard, stripy (one of these three at random), mosaic, blank,
            the path of an image of yours, or a mixture a_b (each with equal probability).
        pairing: by_index (the same base image in all views) or by_target (another image of the same class in each).
        data_seed: of pairs and styles; the run's seed does not change the data.
    """
    styles = [_styles_of(view) for view in views]
    digits = load_by_name(base, "dataset.base", data_dir, seed)
    tag_names = tuple(dict.fromkeys(drawn for view in styles for s in view for drawn in _drawn(s)))
    splits = []
    for number, split in enumerate((digits.train, digits.test)):
        if split.y is None:
            raise DataError(
                f"dataset=mnist_backgrounds: the images of {base} have no labels; it needs a base that has."
            )
        rng = np.random.default_rng([data_seed, number])
        rows = paired_rows([split.y] * len(views), pairing, rng)
        made = [_view(split.x[0], rows[v], styles[v], tag_names, rng) for v in range(len(views))]
        tags = np.stack([m[1] for m in made], axis=1)
        splits.append(Split(tuple(m[0] for m in made), split.y[rows[0]], tags=tags))
    return Dataset("mnist_backgrounds", *splits, class_names=digits.class_names, tag_names=tag_names)


def shapes(*, base: str, views: list[str], **_) -> tuple[tuple[int, int, int], ...] | None:
    """Shape of the base, where it is known, for each view; ConfigError for an unknown style."""
    if not views:
        raise ConfigError(
            "dataset.views: expected at least one style, for instance [horizontal_mosaic,vertical_blank]."
        )
    for view in views:
        _styles_of(view)
    found = shapes_by_name(base, "dataset.base")
    return found and found * len(views)


def background(style: str, size: tuple[int, int]) -> np.ndarray:
    """One background, uint8 (H, W), of a style without chance: all but "stripy".

    mosaic: u = k * 8 pi / n, k = -n/2 .. n/2 - 1 on both axes, R = sin(u_i u_j u_j), G = cos(u_j) cos(u_i u_j),
    B = cos(u_i u_j + pi), each * 128 + 127 cut to bytes, grey = .2125 R + .7154 G + .0721 B.
    """
    height, width = size
    row, column = np.arange(height)[:, None], np.arange(width)[None, :]
    patterns = {
        "horizontal": lambda: (row % 2 == 0) + 0 * column,
        "vertical": lambda: (column % 2 == 0) + 0 * row,
        "checkerboard": lambda: (row + column) % 2 == 0,
        "blank": lambda: np.zeros(size),
    }
    style = ALIASES.get(style, style)
    if style in patterns:
        return (patterns[style]() * 255).astype(np.uint8)
    if style == "mosaic":
        i = (row - height // 2) * 8 * math.pi / height
        j = (column - width // 2) * 8 * math.pi / width
        channels = (np.sin(i * j * j), np.cos(j) * np.cos(i * j), np.cos(i * j + math.pi))
        as_bytes = [np.clip(c * 128 + 127, 0, 255).astype(np.uint8) for c in channels]
        return np.rint(sum(w * c for w, c in zip((0.2125, 0.7154, 0.0721), as_bytes))).astype(np.uint8)
    return _picture(style, size)


def _picture(path: str, size: tuple[int, int]) -> np.ndarray:
    from vaelab.datasets.image_cache import Recipe, decode

    if not Path(path).expanduser().is_file():
        raise ConfigError(f"dataset.views: there is no image '{path}'.")
    image = decode(Path(path).expanduser(), Recipe(size, "grey", "crop"))
    if isinstance(image, str):
        raise ConfigError(f"dataset.views: '{path}' cannot be read as an image: {image}.")
    return image[..., 0]


def _styles_of(view: str) -> list[str]:
    """The styles a view mixes; ConfigError with the nearest name for an unknown one."""
    if view.lower().endswith(PICTURES):
        return [view]
    found = [ALIASES.get(style, style) for style in view.split("_")]
    for style in found:
        if style not in STYLES:
            near = difflib.get_close_matches(style, STYLES, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(STYLES)}, or an image file."
            raise ConfigError(f"dataset.views: there is no background '{style}'. {hint}")
    return found


def _drawn(style: str) -> tuple[str, ...]:
    return ONE_OF_THREE if style == "stripy" else (style,)


def _view(images, rows, styles: list[str], tag_names, rng) -> tuple[np.ndarray, np.ndarray]:
    """(images (N, H, W, 1), tags (N,)) of one view."""
    chosen = np.array(styles, object)[rng.integers(len(styles), size=len(rows))]
    stripes = np.array(ONE_OF_THREE, object)[rng.integers(3, size=len(rows))]
    chosen = np.where(chosen == "stripy", stripes, chosen)
    out = images[rows].copy()
    tags = np.zeros(len(rows), np.int64)
    for number, name in enumerate(tag_names):
        mine = chosen == name
        if mine.any():
            pattern = background(name, out.shape[1:3])[..., None]
            out[mine] = np.where(out[mine] == 0, pattern, out[mine])
            tags[mine] = number
    return out, tags
