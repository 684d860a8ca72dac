"""Datasets made of other datasets: an option of conf/dataset loaded with the settings of its own yaml."""

import difflib

import yaml

from vaelab.config import locate
from vaelab.datasets import module
from vaelab.datasets.base import Dataset
from vaelab.errors import ConfigError


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
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {k: v for k, v in content.items() if k != "defaults"}


def load_by_name(name: str, where: str, data_dir: str | None, seed: int) -> Dataset:
    """The dataset called `name`, as its reader gives it."""
    return module.load(settings_of(name, where), data_dir=data_dir, seed=seed)


def shapes_by_name(name: str, where: str) -> tuple[tuple[int, int, int], ...] | None:
    """(H, W, C) of each view of the dataset called `name`, as far as known without reading data."""
    return module.shapes(settings_of(name, where))
