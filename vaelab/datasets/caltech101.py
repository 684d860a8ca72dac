"""Caltech-101: about 9,000 photographs, 101 kinds of objects and a background class; archive or unpacked folders."""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Literal

from vaelab.config.types import Fraction, NonNegativeInt, PositiveInt
from vaelab.datasets.archive import members
from vaelab.datasets.base import Dataset, different
from vaelab.datasets.download import damaged, obtain, places
from vaelab.datasets.image_cache import Recipe, decoded, folder_key, skipped_note
from vaelab.datasets.image_folder import SUFFIXES, labels_of, list_files, split_dataset, with_labels

FOLDER = "101_ObjectCategories"
OFFICIAL_CLASSES = 102
MOST_OF_A_FILE, MOST_IN_ALL = 1 << 25, 1 << 31  # bytes: the 9,144 photographs have 14 kB each, 131 MB together
MOST_FILES = 100_000


def load(
    *,
    data_dir: str | None,
    seed: int,
    image_size: PositiveInt,
    color: Literal["grey", "rgb"],
    fit: Literal["stretch", "crop", "pad"],
    classes: list[str] | None,
    test_fraction: Fraction,
    data_seed: NonNegativeInt,
    files: list[dict],
    folders: list[str],
    licence: str,
) -> Dataset:
    """uint8 (N, image_size, image_size, C); label = class folder; a seeded share of each class is the test split.

    Args:
        image_size: H = W, resized with Lanczos.
        fit: "stretch" (as published) changes the aspect ratio, "crop" cuts from the middle, "pad" adds black.
        classes: only these folders, in this order (None: all, sorted).
    References:
        Fei-Fei, Fergus & Perona (2004), Learning generative visual models from few training examples.
    """
    entry = files[0]
    unpacked = [p / FOLDER for p in places(folders, data_dir)]
    folder = next((p for p in unpacked if p.is_dir()), None)
    recipe = Recipe((image_size, image_size), color, fit)
    if folder:
        used = _chosen(folder, list_files(folder)[0], classes, entry)
        found = decoded(
            "caltech101", folder_key(folder, used), lambda: (len(used), ((n, folder / n) for n in used)), recipe
        )
    else:
        source = obtain("caltech101", files, folders, data_dir)[entry["name"]]
        key = "\n".join([_file_key(source), *(classes or ())])

        def inside():
            used = set(_chosen(source, [name for name, _ in _images_inside(source, entry)], classes, entry))
            return len(used), ((name, content) for name, content in _images_inside(source, entry) if name in used)

        found = decoded("caltech101", key, inside, recipe)
    _, names, y = with_labels("caltech101", folder or source, found.names, found.names, "folder", classes)
    notes = skipped_note("caltech101", len(found.names), found.skipped)
    if classes is None and len(names) != OFFICIAL_CLASSES:
        what = f"{len(names)} of {OFFICIAL_CLASSES} class folders"
        notes += (f"{folder or source} is not the complete Caltech-101: {what}.",)
    return split_dataset("caltech101", found, labels_of(found, y), names, test_fraction, data_seed, notes)


def _chosen(source, names: list[str], classes, entry) -> list[str]:
    """The image files of the chosen classes."""
    if not names:
        raise damaged("caltech101", source, entry, f"it holds no images in {FOLDER}/<class>/")
    return with_labels("caltech101", source, names, names, "folder", classes)[0]


def shapes(*, image_size, color, classes, **_) -> tuple[tuple[int, int, int], ...]:
    """((H, W, C),) as the settings say."""
    different("dataset.classes", classes)
    return (Recipe((image_size, image_size), color, "stretch").shape,)


def _images_inside(source: Path, entry: dict):
    """(class/file, content) of the images in the archive."""
    for name, content in members(
        source, entry, "caltech101", most=MOST_OF_A_FILE, most_in_all=MOST_IN_ALL, most_files=MOST_FILES
    ):
        parts = PurePosixPath(name).parts
        if FOLDER in parts and PurePosixPath(name).suffix.lower() in SUFFIXES:
            inner = parts[parts.index(FOLDER) + 1 :]
            if len(inner) >= 2 and not inner[-1].startswith("."):
                yield "/".join(inner), content


def _file_key(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
