"""Your own images: a folder of image files of any size, with one class per sub-folder or none."""

import difflib
import math
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Literal

import numpy as np

from vaelab.config.types import Fraction, NonNegativeInt, PositiveInt
from vaelab.datasets.base import Dataset, Listed, Split, different, split_rows
from vaelab.datasets.image_cache import Decoded, Recipe, decoded, folder_key, skipped_note
from vaelab.errors import ConfigError, DataError, name_of
from vaelab.system import memory

MASKS = "ground_truth"
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def load(
    *,
    data_dir: str | None,
    seed: int,
    path: str | None,
    image_size: PositiveInt | list[PositiveInt],
    color: Literal["grey", "rgb"],
    fit: Literal["stretch", "crop", "pad"],
    labels: Literal["folder", "none"],
    classes: list[str] | None,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
) -> Dataset:
    """uint8 (N, H, W, C), decoded once into the user cache and read from there.

    ``path/train/...`` and ``path/test/...`` are the splits if both exist, else `test_fraction` of each class is held
    out with `data_seed`. The first folder level below is the class; images without such a folder have no labels.
    Files that are no images or cannot be read are skipped and named in the dataset's notes. Of moving pictures the
    first frame counts; transparent pixels show white; photographs are turned as the camera was held.

    Beside the splits, ``path/ground_truth/<class>/<name>_mask.png`` (or <name>.png) are the masks of the test images
    of these classes, white where an image is not as it should be (Bergmann et al., 2019, MVTec AD); images of other
    classes have no such pixel.

    Args:
        path: the folder; relative to the working directory or to data_dir.
        image_size: H = W, or [H, W].
        fit: "stretch" changes the aspect ratio, "crop" cuts from the middle, "pad" adds black; all Lanczos.
        labels: "folder", or "none" to train without classes.
        classes: only these sub-folders, in this order (None: all, sorted).
    """
    root, files, foreign = _found(path, data_dir)
    by_split = {part: [f for f in files if f.startswith(f"{part}/")] for part in ("train", "test")}
    splits_given = all(by_split.values())
    masks = [f for f in files if f.startswith(f"{MASKS}/")] if splits_given else []
    if splits_given:
        used = ("train/", "test/", f"{MASKS}/")
        foreign |= {f: "neither in train/ nor in test/" for f in files if not f.startswith(used)}
        files = by_split["train"] + by_split["test"]
    inner = [f.partition("/")[2] for f in files] if splits_given else files
    files, names, y = with_labels("image_folder", root, files, inner, labels, classes)
    found = _decoded(root, files, Recipe(_size(image_size), color, fit))
    skipped = found.skipped | foreign
    notes = skipped_note("image_folder", len(found.names), skipped)
    if labels == "folder" and y is None and any("/" in f for f in inner):
        notes += (f"image_folder: some images of {root} lie outside class folders: no labels are used.",)
    notes += _alike(names)
    y = labels_of(found, y)
    if not splits_given:
        return split_dataset("image_folder", found, y, names, test_fraction, data_seed, notes)
    is_train = np.array([n.startswith("train/") for n in found.names])
    order = np.random.default_rng(data_seed).permutation(len(is_train))  # so that the first rows are a fair sample
    everything = Split((found.images,), y)
    train, test = (everything.take(order[chosen[order]]) for chosen in (is_train, ~is_train))
    for part, split in (("train", train), ("test", test)):
        if not len(split):
            raise DataError(f"dataset=image_folder: none of the files in {root / part} can be read as an image.")
    if masks:
        shown = [found.names[row] for row in order[~is_train[order]]]
        test = replace(test, masks=_masks(root, masks, shown, Recipe(_size(image_size), "grey", fit)))
    return Dataset("image_folder", train, test, class_names=names, notes=notes)


def _masks(root: Path, files: list[str], shown: list[str], recipe: Recipe) -> np.ndarray:
    """(N, H, W, 1) uint8: the masks of test images, zeros for those of a class that has none.

    Args:
        files: below ground_truth/.
        shown: the test images in their order, below test/.
    """
    found = _decoded(root, files, recipe)
    by_image = {str(Path(f).relative_to(MASKS).with_suffix("")).removesuffix("_mask"): f for f in files}
    row = {name: k for k, name in enumerate(found.names)}
    with_masks = {Path(f).parts[1] for f in files}
    memory.require(
        len(shown) * math.prod(recipe.shape), f"{len(shown):,} masks", "Choose a smaller dataset.image_size."
    )
    masks = np.zeros((len(shown), *recipe.shape), np.uint8)
    for k, name in enumerate(shown):
        image = Path(name).relative_to("test")
        file = by_image.get(str(image.with_suffix("")))
        if file in row:
            masks[k] = found.images[row[file]]
        elif image.parts[0] in with_masks:
            why = f"{file} cannot be read ({found.skipped[file]})" if file else f"there is no mask of {name}"
            raise DataError(
                f"dataset=image_folder: {root / MASKS}: {why}. Each test image of a class with masks needs one, "
                f"{MASKS}/{image.with_suffix('')}_mask.png."
            )
    return masks


def listed(*, data_dir: str | None, path, image_size, color, fit, classes) -> Listed:
    """Every image of the folder by its name below it, whatever splits and classes it has."""
    given = {"image_size": image_size, "color": color, "fit": fit, "classes": classes}
    found = listed_told(data_dir=data_dir, path=path, labels="folder", **given)
    return found._replace(images=Split(found.images.x), class_names=())


def listed_told(*, data_dir: str | None, path, image_size, color, fit, labels, classes) -> Listed:
    """`listed` with the class of each image: its first folder, below train/ and test/ where both exist."""
    root, files, foreign = _found(path, data_dir)
    inner = {f: f for f in files}
    if all(any(f.startswith(f"{part}/") for f in files) for part in ("train", "test")):
        files = [f for f in files if not f.startswith(f"{MASKS}/")]
        inner = {f: f.partition("/")[2] if f.startswith(("train/", "test/")) else f for f in files}
    of = {f: inner[f].split("/")[0] if "/" in inner[f] else None for f in files}
    if classes:
        _refuse_unknown(root, labels, classes, of.values())
        files = [f for f in files if of[f] in classes]
    found = _decoded(root, files, Recipe(_size(image_size), color, fit))
    own = [of[name] for name in found.names]
    if labels == "none" or None in own:
        return Listed(Split((found.images,)), found.names, found.skipped | foreign)
    names = tuple(classes or sorted({name for name in own if name}))
    number = {name: k for k, name in enumerate(names)}
    y = np.array([number[name] for name in own if name], np.int64)
    return Listed(Split((found.images,), y), found.names, found.skipped | foreign, class_names=names)


def _found(path: str | None, data_dir: str | None) -> tuple[Path, list[str], dict[str, str]]:
    """(the folder, its image files, {other file: why it is left out}); DataError where there are none."""
    root = find_folder(path, data_dir)
    files, foreign = list_files(root)
    if not files:
        why = {f"{name_of(name or str(root))} ({why})": None for name, why in foreign.items()}
        others = f" ({len(foreign)} other files, for instance {next(iter(why))})" if foreign else ""
        raise DataError(
            f"dataset=image_folder: no image files in {root}{others}. Known: {', '.join(sorted(SUFFIXES))}."
        )
    return root, files, foreign


def _decoded(root: Path, files: list[str], recipe: Recipe) -> Decoded:
    """The images of a folder, from the cache."""
    key = folder_key(root, files)
    return decoded("image_folder", key, lambda: (len(files), ((f, root / f) for f in files)), recipe)


def shapes(*, path, image_size, color, classes, **_) -> tuple[tuple[int, int, int], ...]:
    """((H, W, C),) as the settings say."""
    if not path:
        raise ConfigError("dataset=image_folder needs the folder of your images: dataset.path=FOLDER.")
    different("dataset.classes", classes)
    return (Recipe(_size(image_size), color, "stretch").shape,)


def _size(image_size) -> tuple[int, int]:
    if isinstance(image_size, int):
        return image_size, image_size
    if len(image_size) != 2:
        raise ConfigError(f"dataset.image_size: expected one number or [height, width], got {list(image_size)}.")
    return tuple(image_size)


def find_folder(path: str | None, data_dir: str | None) -> Path:
    """The folder a user means by `path`: as it stands, else below data_dir."""
    if not path:
        raise ConfigError("dataset=image_folder needs the folder of your images: dataset.path=FOLDER.")
    data_dir = data_dir or os.environ.get("VAELAB_DATA")
    candidates = [Path(path).expanduser()] + ([Path(data_dir).expanduser() / path] if data_dir else [])
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    if candidates[0].is_file():
        raise DataError(f"dataset.path: expected a folder of images, {path} is a file.")
    near = difflib.get_close_matches(candidates[0].name, _folders(candidates[0].parent), n=1)
    hint = f" Did you mean '{candidates[0].parent / near[0]}'?" if near else ""
    raise DataError(f"dataset.path: there is no folder {' or '.join(map(str, candidates))}.{hint}")


def _folders(parent: Path) -> list[str]:
    try:
        return [p.name for p in parent.iterdir() if p.is_dir()]
    except OSError:
        return []


def list_files(root: Path) -> tuple[list[str], dict[str, str]]:
    """(image files, {other: why it is left out}) below `root`, sorted, as relative names with "/".

    Links are followed, and every file and folder counts once, under its own name before that of a link: no loop is
    walked, and no image is trained on under one name and tested under another. Hidden names are left out unsaid.
    """
    images, skipped, known = [], {}, {}
    walks: list[Path | str] = [root]
    links = []

    def unread(error: OSError) -> None:
        skipped[_relative(error.filename, root)] = f"cannot be read: {error.strerror or error}"

    def seen(name: str, stat: os.stat_result, what: str) -> bool:
        first = known.setdefault((stat.st_dev, stat.st_ino), name)
        if first != name:
            skipped[name] = f"the same {what} as {first or root}"
        return first != name

    def keep(path: str) -> None:
        """Notes a file; a folder behind a link is walked next."""
        name = _relative(path, root)
        try:
            stat = os.stat(path)
        except OSError as error:
            skipped[name] = f"cannot be read: {error.strerror}"
            return
        if S_ISDIR(stat.st_mode):
            if not seen(name, stat, "folder"):
                walks.append(path)
        elif not S_ISREG(stat.st_mode):
            skipped[name] = "neither file nor folder"
        elif Path(name).suffix.lower() not in SUFFIXES:
            skipped[name] = "not an image file"
        elif not seen(name, stat, "file"):
            images.append(name)

    while walks or links:
        if not walks:  # all that has a name of its own was seen
            keep(links.pop(0))
            continue
        for folder, inner, names in os.walk(walks.pop(), onerror=unread):
            stat = os.stat(folder)
            known.setdefault((stat.st_dev, stat.st_ino), _relative(folder, root))
            shown = [n for n in sorted([*inner, *names]) if not n.startswith(".")]
            linked = {n for n in shown if os.path.islink(os.path.join(folder, n))}
            links += [os.path.join(folder, n) for n in shown if n in linked]
            inner[:] = sorted({*inner} & {*shown} - linked)
            for name in sorted({*names} & {*shown} - linked):
                keep(os.path.join(folder, name))
    return sorted(images), dict(sorted(skipped.items()))


def _relative(path, root: Path) -> str:
    name = Path(path).relative_to(root).as_posix()
    return "" if name == "." else name


def with_labels(
    dataset: str, root, files: list[str], inner: list[str], labels: str, classes: list[str] | None
) -> tuple[list[str], tuple[str, ...], dict[str, int] | None]:
    """(files that are used, class names, {file: label} or None).

    Args:
        files, inner: names as in the source, and the same without the folder of their split.
    """
    top = [name.split("/")[0] if "/" in name else None for name in inner]
    _refuse_unknown(root, labels, classes, top)
    if labels == "none" or (None in top and not classes):
        return files, (), None
    names = tuple(classes or sorted({t for t in top if t is not None}))
    if len(names) == 1:
        raise DataError(
            f"dataset={dataset}: {root} has one class only, '{names[0]}': labels would say nothing. "
            "Use dataset.labels=none to train on it without labels, or name a folder with several class folders."
        )
    number = {name: i for i, name in enumerate(names)}
    y = {f: number[t] for f, t in zip(files, top) if t in number}
    return list(y), names, y


def _refuse_unknown(root, labels: str, classes: list[str] | None, top) -> None:
    """An error for classes that are asked for and not there.

    Args:
        top: the class folders that there are, None among them.
    """
    if classes and labels == "none":
        raise ConfigError("dataset.classes needs dataset.labels=folder: without labels there are no classes.")
    there = sorted({t for t in top if t is not None})
    for wanted in classes or ():
        if wanted not in there:
            near = difflib.get_close_matches(wanted, there, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(there[:110])}."
            raise DataError(f"dataset.classes: {root} has no class '{wanted}'. {hint}")


def _alike(names: tuple[str, ...]) -> tuple[str, ...]:
    """A note on class names that differ in their capitals alone."""
    groups = defaultdict(list)
    for name in names:
        groups[name.casefold()].append(name)
    pairs = [" and ".join(group) for group in groups.values() if len(group) > 1]
    return (f"image_folder: classes that differ in capitals only: {'; '.join(pairs)}.",) if pairs else ()


def labels_of(found: Decoded, y: dict[str, int] | None) -> np.ndarray | None:
    """Labels of the images that could be read, in their order."""
    return None if y is None else np.array([y[name] for name in found.names], np.int64)


def split_dataset(
    dataset: str, found: Decoded, y, names: tuple[str, ...], test_fraction: float, data_seed: int, notes
) -> Dataset:
    """Training and test images by a seeded split, of each class where there are labels."""
    train, test = split_rows(len(found.names), test_fraction, data_seed, y)
    everything = Split((found.images,), y)
    return Dataset(dataset, everything.take(train), everything.take(test), class_names=names, notes=notes)
