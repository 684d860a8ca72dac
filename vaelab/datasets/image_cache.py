"""Image files decoded once, in parallel, into one file of equal-sized uint8 images that is then read by rows.

The file lies in the user cache under a name made of the content of all sources and the settings; it gets that name
only when it is complete. A lock lets two runs start at once: one decodes, the other waits and reads.
"""

import errno
import hashlib
import io
import json
import os
import shutil
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from vaelab.compute.backend import usable_cores
from vaelab.datasets.base import Rows
from vaelab.datasets.download import cache_dir, only_one
from vaelab.errors import DataError, name_of

FORMAT = 1  # part of every name: raise it when the same sources must be decoded anew
MOST_PIXELS = 180_000_000  # of one file; more is taken for a decompression bomb
MANY_PIXELS = 16_000_000  # files of more pixels are decoded one at a time, so that memory stays small

Items = Iterable[tuple[str, Path | bytes]]

_one_large_at_a_time = Lock()


@dataclass(frozen=True)
class Recipe:
    """How a file becomes an image: `size` (H, W), `color` "grey" or "rgb", `fit` "stretch", "crop" or "pad"."""

    size: tuple[int, int]
    color: str
    fit: str

    @property
    def shape(self) -> tuple[int, int, int]:
        return (*self.size, 3 if self.color == "rgb" else 1)


@dataclass(frozen=True)
class Decoded:
    """All readable images of a source: `images[i]` belongs to `names[i]`; `skipped` is {name: why}."""

    images: Rows
    names: list[str]
    skipped: dict[str, str]


def decoded(dataset: str, key: str, source: Callable[[], tuple[int, Items]], recipe: Recipe) -> Decoded:
    """The images of a source, from the cache if they were decoded before.

    Args:
        dataset: option name, for messages.
        key: stands for the content of the source (a checksum).
        source: () -> (number of image files, (name, path or bytes) of each in order); only called without a cache.
        recipe: what to make of each.
    Raises:
        DataError: no room or no permission to write the cache, none readable.
    """
    name = hashlib.sha256(json.dumps([FORMAT, key, asdict(recipe)]).encode()).hexdigest()[:32]
    folder = cache_dir() / "images"
    found = _open(folder, name, recipe)
    if found is None:
        n_items, items = source()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = _build_once(dataset, folder, name, items, n_items, recipe)
        except OSError as error:
            raise _cannot_write(dataset, folder, error, n_items, recipe) from None
    if not found.names:
        listed = _listed(found.skipped)
        raise DataError(f"dataset={dataset}: none of {len(found.skipped)} files can be read as an image: {listed}.")
    return found


def _open(folder: Path, name: str, recipe: Recipe) -> Decoded | None:
    """The finished cache of that name, or None; a cache cut short by other hands counts as none."""
    try:
        about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        shape = (len(about["names"]), *recipe.shape)
        path = folder / f"{name}.images"
        if path.stat().st_size != int(np.prod(shape, dtype=np.int64)):
            return None
        images = np.memmap(path, np.uint8, "r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        return Decoded(Rows(images), about["names"], about["skipped"])
    except (OSError, ValueError, KeyError):
        return None


def _build_once(dataset: str, folder: Path, name: str, items, n_items: int, recipe: Recipe) -> Decoded:
    with only_one(folder / f".{name}.lock", f"{dataset}: the images are being decoded"):
        found = _open(folder, name, recipe)
        if found is not None:  # another process was faster
            return found
        needed = n_items * int(np.prod(recipe.shape))
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = folder / f"{name}.part"
        about = part.with_suffix(".json.part")
        try:
            with part.open("wb") as file:
                names, skipped = _write(file, items, n_items, recipe, dataset)
                file.flush()
                os.fsync(file.fileno())
            with about.open("w", encoding="utf-8") as file:
                json.dump({"dataset": dataset, **asdict(recipe), "names": names, "skipped": skipped}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, folder / f"{name}.images")
            os.replace(about, folder / f"{name}.json")  # last: its presence says that the images are complete
        except BaseException:
            part.unlink(missing_ok=True)
            about.unlink(missing_ok=True)
            raise
        made = _open(folder, name, recipe)
        if made is None:  # removed by other hands
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return made


def _write(file, items, n_items: int, recipe: Recipe, dataset: str) -> tuple[list[str], dict[str, str]]:
    """Decodes in parallel, writes in order; holds a few images at a time."""
    from tqdm import tqdm

    names, skipped, pending = [], {}, deque()
    workers = usable_cores()
    bar = tqdm(total=n_items, unit=" images", desc=f"{dataset}: decoding", disable=None)

    def finish():
        name, future = pending.popleft()
        outcome = future.result()
        if isinstance(outcome, str):
            skipped[name] = outcome
        else:
            file.write(outcome)
            names.append(name)
        bar.update()

    with bar, ThreadPoolExecutor(workers) as pool:
        try:
            for name, source in items:
                pending.append((name, pool.submit(decode, source, recipe)))
                if len(pending) >= 4 * workers:
                    finish()
            while pending:
                finish()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return names, skipped


def decode(source, recipe: Recipe) -> np.ndarray | str:
    """One image as uint8 (H, W, C), or why it cannot be one.

    Args:
        source: path, or the content of a file as bytes.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of size: checked below; of odd metadata: harmless
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    return f"{width}x{height} pixels are too many"
                if width * height <= 1:
                    return "one pixel is no image"
                if width * height > MANY_PIXELS:
                    with _one_large_at_a_time:
                        return _fitted(image, recipe, Image, ImageOps)
                return _fitted(image, recipe, Image, ImageOps)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise
        return "no known image format" if isinstance(error, UnidentifiedImageError) else error.strerror or str(error)
    except Image.DecompressionBombError:
        return "its pixels are too many"
    except Exception as error:  # decoders of damaged files raise many things
        return f"damaged ({type(error).__name__}: {error})"


def _fitted(image, recipe: Recipe, Image, ImageOps) -> np.ndarray | str:
    """Decodes, turns as the camera was held, and brings to colour and size; Lanczos."""
    height, width = recipe.size
    image.draft("RGB" if recipe.color == "rgb" else "L", (4 * width, 4 * height))  # large JPEGs are decoded smaller
    image.load()
    image = ImageOps.exif_transpose(image)
    image = _eight_bits(image, Image)
    if isinstance(image, str):
        return image
    image = image.convert("RGB" if recipe.color == "rgb" else "L")
    if recipe.fit == "stretch":
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    elif recipe.fit == "crop":
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    else:
        image = ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS, color=0)
    return np.asarray(image, np.uint8).reshape(recipe.shape)


def _eight_bits(image, Image):
    """Grey, RGB or what converts to them without loss of range; transparent pixels show white."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        if image.mode == "F":
            if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
                return f"floating-point pixels from {values.min():g} to {values.max():g}, expected 0 to 1"
            return Image.fromarray(np.rint(values * 255).astype(np.uint8))
        if values.min() < 0 or values.max() > 65535:
            return f"integer pixels from {values.min()} to {values.max()}, expected 0 to 65535"
        return Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image)
    return image


def folder_key(root: Path, names: list[str]) -> str:
    """sha256 over names and content of files below `root`.

    Content is read once: as long as size, times and number of every file stay as they are, what was found then is
    looked up.
    """
    looked_like = hashlib.sha256(os.fsencode(root.resolve()))
    for name in names:
        looked_like.update(os.fsencode(f"{name}\0{_looks(root / name)}\n"))
    memory = cache_dir() / "images" / "known" / looked_like.hexdigest()[:32]
    try:
        return memory.read_text(encoding="ascii")
    except OSError:
        pass
    digest = hashlib.sha256()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for name, content in zip(names, _windowed(pool, _digest, [root / n for n in names])):
            digest.update(os.fsencode(f"{name}\0{content}\n"))
    key = digest.hexdigest()
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        part = memory.with_name(f"{memory.name}.{os.getpid()}")
        part.write_text(key, encoding="ascii")
        os.replace(part, memory)
    except OSError:
        pass  # a memory that cannot be kept costs time next time; a cache that cannot be written is said by `decoded`
    return key


def _looks(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError as error:
        return (error.errno or -1,)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable {error.errno}"


def _windowed(pool, function, arguments) -> Iterator:
    pending = deque()
    for argument in arguments:
        pending.append(pool.submit(function, argument))
        if len(pending) >= 64:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def skipped_note(dataset: str, n_read: int, skipped: dict[str, str]) -> tuple[str, ...]:
    """What to tell about files that were left out: nothing, or one sentence."""
    if not skipped:
        return ()
    return (f"{dataset}: {len(skipped)} of {n_read + len(skipped)} files skipped: {_listed(skipped)}.",)


def _listed(skipped: dict[str, str], most: int = 10) -> str:
    shown = "; ".join(f"{name_of(name)} ({name_of(why)})" for name, why in list(skipped.items())[:most])
    return shown + (f"; and {len(skipped) - most} more" if len(skipped) > most else "")


def _cannot_write(dataset: str, folder: Path, error: OSError, n_items: int, recipe: Recipe) -> DataError:
    megabytes = n_items * int(np.prod(recipe.shape)) / 1e6
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        what = f"the disk is full: the decoded images of {n_items} files need about {megabytes:.0f} MB in {folder}"
    else:
        what = f"the decoded images cannot be written to {folder} ({error.strerror or error})"
    return DataError(
        f"dataset={dataset}: {what}. Make room, or name another folder with the environment variable VAELAB_CACHE; "
        "nothing half-written was left behind."
    )
