"""The door to a dataset's module: the data it loads, and what it tells of them without reading them."""

from vaelab.config import trust
from vaelab.config.parts import part, settings
from vaelab.config.schema import SHARED
from vaelab.datasets.base import Dataset


def own(node: dict) -> dict:
    """A dataset's own settings: those that are not of every image dataset."""
    return {k: v for k, v in settings(node).items() if k not in SHARED}


def load(node: dict, *, data_dir: str | None, seed: int, trusted=()) -> Dataset:
    """The dataset of a node as its reader gives it; the shared options are not applied.

    Raises:
        ConfigError: the node names no dataset, or settings that cannot be.
        DataError: files that are missing or damaged.
    """
    return part({"_target_": node["_target_"], **own(node)}, "dataset", trusted=trusted, data_dir=data_dir, seed=seed)


def shapes(node: dict) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each view before resize and pad_to as far as known without reading data, else None."""
    if node.get("shape") is not None:
        return (tuple(node["shape"]),)
    told = trust.beside(node["_target_"], "dataset", "shapes")
    return told(**own(node)) if told else None


def files(node: dict) -> list[dict] | None:
    """The files a dataset needs; None where it needs none that could be fetched."""
    if "files" in node:
        return node["files"]
    needed = trust.beside(node["_target_"], "dataset", "needed")
    return needed(**own(node)) if needed else None


def folder(node: dict) -> str | None:
    """The folder, below one of the user's, that an unpacked archive of a dataset lies in; None where it reads none."""
    return trust.beside(node["_target_"], "dataset", "FOLDER")
