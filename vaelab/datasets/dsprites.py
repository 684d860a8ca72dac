"""dSprites: 737,280 binary 64x64 images, one per combination of five factors, from the official .npz."""

import io
import math
import os
import zipfile
from pathlib import Path

import numpy as np

from vaelab.config.types import Fraction, NonNegativeInt
from vaelab.datasets.archive import READ_ERRORS, Unreadable, npy_header, read_npy, zip_member
from vaelab.datasets.base import Dataset, Rows, Split, split_rows
from vaelab.datasets.download import cache_dir, damaged, obtain, only_one, sha256
from vaelab.errors import DataError

SIDE = 64
FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
SIZES = (3, 6, 40, 32, 32)
MOST_CLASSES = 6 * 8 * math.prod(SIZES)  # bytes: six integers for each image


def load(
    *,
    data_dir: str | None,
    seed: int,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
    files: list[dict],
    folders: list[str],
    licence: str,
) -> Dataset:
    """uint8 0 or 255 (N, 64, 64, 1); factors shape, scale, orientation, x, y; label = shape.

    The 3 GB of pixels are repacked once, eight to a byte, into the user cache and read from there.

    Args:
        test_fraction: share of the images held out, drawn with `data_seed`.
    References:
        Matthey, Higgins, Hassabis & Lerchner (2017), dSprites.
    """
    entry = files[0]
    source = obtain("dsprites", files, folders, data_dir)[entry["name"]]
    factors = _factors(source, entry)
    packed = _packed(source, entry, len(factors))
    images = Rows(packed).then(_unpack, (SIDE, SIDE, 1))
    everything = Split((images,), factors[:, 0].copy(), factors)
    train, test = split_rows(len(factors), test_fraction, data_seed)
    notes = ()
    if len(factors) != np.prod(SIZES):
        notes = (f"{source} is not the complete dSprites: {len(factors)} images instead of {np.prod(SIZES)}.",)
    return Dataset(
        "dsprites",
        everything.take(train),
        everything.take(test),
        class_names=SHAPES,
        factor_names=FACTORS,
        factor_sizes=SIZES,
        values="binary",
        notes=notes,
    )


def _unpack(packed: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (np.unpackbits(packed, axis=1) * np.uint8(255)).reshape(-1, SIDE, SIDE, 1)


def _factors(source: Path, entry: dict) -> np.ndarray:
    """(N, 5) integers from `latents_classes`, whose first column, colour, has one value."""
    try:
        with zipfile.ZipFile(source) as archive, zip_member(archive, "latents_classes.npy") as (stream, content):
            classes = read_npy(stream, content, MOST_CLASSES)
    except (Unreadable, *READ_ERRORS) as error:
        raise damaged("dsprites", source, entry, f"'latents_classes' cannot be read ({error})") from None
    if classes.ndim != 2 or classes.shape[1] != 6 or classes.dtype.kind not in "iu" or not len(classes):
        what = f"'latents_classes' is {classes.dtype} of shape {classes.shape}, expected integers (N, 6)"
        raise damaged("dsprites", source, entry, what)
    factors = classes[:, 1:].astype(np.int64)
    if (factors < 0).any() or (factors >= SIZES).any():
        raise damaged("dsprites", source, entry, "'latents_classes' has values outside the five factors")
    return factors


def _packed(source: Path, entry: dict, n: int) -> np.ndarray:
    """Memory map (N, 512) of the pixels, eight to a byte; made once per archive."""
    width = SIDE * SIDE // 8
    folder = cache_dir() / "dsprites"
    path = folder / f"{sha256(source)[:32]}.bits"

    def complete() -> bool:
        return path.is_file() and path.stat().st_size == n * width

    try:
        if not complete():
            folder.mkdir(parents=True, exist_ok=True)
            with only_one(folder / f".{path.name}.lock", "dsprites: the pixels are being repacked"):
                if not complete():
                    _repack(source, entry, n, path)
    except OSError as error:
        raise DataError(
            f"dataset=dsprites: the repacked pixels ({n * width / 1e6:.0f} MB) cannot be written to {folder} "
            f"({error.strerror or error}). Make room, or name another folder with VAELAB_CACHE."
        ) from None
    return np.memmap(path, np.uint8, "r", shape=(n, width))


def _repack(source: Path, entry: dict, n: int, path: Path) -> None:
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            for block in _pixels(source, entry, n):
                file.write(np.packbits(block, axis=1).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _pixels(source: Path, entry: dict, n: int):
    """Blocks (b, 4096) of the array `imgs`, streamed out of the compressed archive."""
    try:
        with zipfile.ZipFile(source) as archive, zip_member(archive, "imgs.npy") as (stream, _):
            shape, dtype, fortran = npy_header(stream)
            if shape != (n, SIDE, SIDE) or fortran or dtype != np.uint8:
                what = f"'imgs' is {dtype} of shape {shape}, expected uint8 ({n}, {SIDE}, {SIDE})"
                raise damaged("dsprites", source, entry, what)
            for start in range(0, n, 4096):
                wanted = min(4096, n - start) * SIDE * SIDE
                content = io.BytesIO(stream.read(wanted)).getbuffer()
                if len(content) < wanted:
                    raise damaged("dsprites", source, entry, "'imgs' ends too early")
                block = np.frombuffer(content, np.uint8).reshape(-1, SIDE * SIDE)
                if block.max(initial=0) > 1:
                    raise damaged("dsprites", source, entry, f"'imgs' holds {block.max()}, expected 0 and 1 only")
                yield block
    except (Unreadable, *READ_ERRORS) as error:
        raise damaged("dsprites", source, entry, f"'imgs' cannot be read ({error})") from None
