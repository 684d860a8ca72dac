"""Datasets made of other datasets: an option of conf/dataset loaded with the settings of its own yaml."""

import difflib

import yaml

from vaelab.config import locate, trust
from vaelab.datasets.base import Dataset
from vaelab.errors import ConfigError

# What a yaml holds beside the settings of its reader: applied to the whole, not to its parts.
_NOT_OWN = {
    "defaults",
    "limit",
    "validation",
    "binarize",
    "binarize_seed",
    "standardize",
    "resize",
    "pad_to",
    "epochs",
    "shape",
}


def settings_of(name: str, where: str) -> dict:
    """The yaml of a built-in dataset; ConfigError with the nearest name if there is none.

    Args:
        where: the setting that named it, for the message.
    """
    path = locate.option_file("dataset", name)
    if path is None:
        known = locate.options("dataset")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
        raise ConfigError(f"{where}: there is no dataset '{name}'. {hint}")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def load_by_name(name: str, where: str, data_dir: str | None, seed: int) -> Dataset:
    """The dataset called `name`, as its reader gives it."""
    settings = settings_of(name, where)
    own = {k: v for k, v in settings.items() if k not in _NOT_OWN and not k.startswith("_")}
    return trust.load(settings["_target_"], "dataset")(data_dir=data_dir, seed=seed, **own)


def shapes_by_name(name: str, where: str) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each view of the dataset called `name`, as far as known without reading data."""
    settings = settings_of(name, where)
    if settings.get("shape"):
        return (tuple(settings["shape"]),)
    tell = trust.beside(settings["_target_"], "dataset", "shapes")
    return tell(**settings) if tell else None
