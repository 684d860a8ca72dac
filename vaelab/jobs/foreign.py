"""Images that a run has never seen, prepared as its own: `on=<dataset>` of evaluate, plot and score."""

import inspect
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from vaelab.conditions import columns
from vaelab.config import locate, trust
from vaelab.config.parts import part
from vaelab.config.schema import SHARED
from vaelab.contracts import Condition, misfit_of, optional
from vaelab.datasets import module
from vaelab.datasets.base import Dataset, Listed, Rowed, Split
from vaelab.datasets.by_name import settings_of
from vaelab.datasets.prepare import declared_shapes, load_dataset, prepare, shared_options
from vaelab.errors import ConfigError, DataError

# How grey images become those of a run whose own are binary by nature, by what its own are (`Dataset.values`).
AS_PUBLISHED = {"binary": "threshold", "static": "static"}
OF_TRAINING = ("limit", "normal_classes")  # settings of every dataset that leave its test images as they are


def check(node: dict, cfg: dict, *, whole: bool = False) -> None:
    """ConfigError where images cannot be those of a run, as far as both configurations say.

    Args:
        node: a composed `dataset` node.
        cfg: the run's configuration.
        whole: whether every image is to be listed, so that settings of training and test images do not act.
    """
    if whole and node["_target_"] in trust.built_in("dataset"):
        usual, lists = locate.node("dataset", _option(node))[0], _lister(node, cfg)
        acting = {*inspect.signature(lists).parameters, *SHARED} if lists else {*usual}
        for key in (k for k in usual if (k not in acting or k in OF_TRAINING) and node[k] != usual[k]):
            raise ConfigError(f"on.{key} would be ignored: every image is scored. Leave it out.")
    with _said_of_on():
        theirs = declared_shapes(node)
    own = declared_shapes(cfg["dataset"])
    if theirs is not None and own is not None:
        _fit(_option(node), theirs, own)


def _lister(node: dict, cfg: dict):
    """What lists every image of a dataset, with what a run of that configuration is told of each; None where nothing
    does."""
    told = part(cfg["condition"], "condition", trusted=cfg.get("trusted") or ())
    names = ("listed_told", "listed") if optional(told, Condition, "conditional") else ("listed",)
    return next(filter(None, (trust.beside(node["_target_"], "dataset", name) for name in names)), None)


def _option(node: dict) -> str:
    """The name of a built-in dataset."""
    return node["_target_"].split(".")[-2]


def dataset(node: dict, own: Dataset, cfg: dict, load=load_dataset, resize: str | None = None) -> Dataset:
    """The dataset of a node, binarised and standardised as a run's own.

    Args:
        own: the run's dataset.
        cfg: its configuration.
        load: what reads it, called as `load_dataset` is.
        resize: the word that makes images of another size fit, for the message.

    Raises:
        ConfigError: images of another shape, of pixels that the run's likelihood does not describe, or without the
            condition that the run is told.
    """
    how = own.binarize if own.binarize != "none" else AS_PUBLISHED.get(own.values, "none")
    prepared = {"binarize": how, "binarize_seed": cfg["dataset"].get("binarize_seed"), "standardize": False}
    trusted = cfg.get("trusted") or ()
    with _said_of_on():
        found = load(node | prepared, data_dir=cfg["data_dir"], seed=cfg["seed"], trusted=trusted, validation=False)
    _fit(found.name, found.shapes, own.shapes, resize)
    found = replace(found, standardize=own.standardize)
    if own.condition is not None:
        found = columns.of_foreign(part(cfg["condition"], "condition", trusted=trusted), own.condition, found)
    if (own.values == "real") != (found.values == "real"):
        theirs, ours = ("real numbers" if d.values == "real" else "intensities in [0, 1]" for d in (found, own))
        raise ConfigError(
            f"on={found.name}: its pixels are {theirs}, this run's {ours}: its likelihood says nothing of them."
        )
    likelihood = part(cfg["likelihood"], "likelihood", trusted=trusted)
    if (why := misfit_of(likelihood, found)) and not misfit_of(likelihood, own):
        raise ConfigError(f"on={found.name}: this run's likelihood does not describe these images. {why}")
    return found


def named(name: str, own: Dataset, cfg: dict, *, resize: bool) -> tuple:
    """The test images of the dataset of that option, with the condition behind the views where the run has one.

    Args:
        resize: make images of another size fit.
    """
    node = settings_of(name, "on")
    if resize:
        node["resize"] = list(own.shapes[0][:2])
    return dataset(node, own, cfg, resize="resize=true").test.inputs


def view(node: dict, own, cfg: dict):
    """A run's `LatentView` on another dataset; its own where there is none.

    Args:
        node: a composed `dataset` node, or {}.
        own: the run's view.
        cfg: its configuration.
    """
    return own.on(dataset(node, own.dataset, cfg)) if node else own


@contextmanager
def _said_of_on():
    """What readers of datasets say of `dataset` and its settings is said of `on`."""
    try:
        yield
    except (ConfigError, DataError) as error:
        said = str(error).replace("dataset.", "on.").replace("dataset=", "on=")
        raise type(error)(said) from None


def listed(node: dict, own: Dataset, cfg: dict) -> Listed:
    """Every image of a dataset that lists its files or rows, of another its test images, prepared as `dataset` does.

    Args:
        node: {} for the run's own test images.
    """
    if not node:
        return Listed(own.test, Rowed(("test", len(own.test))))
    lists, found = _lister(node, cfg), []

    def load(node: dict, *, data_dir, seed, trusted, validation) -> Dataset:
        if lists:
            settings = {k: v for k, v in module.own(node).items() if k in inspect.signature(lists).parameters}
            found.append(lists(data_dir=data_dir, **settings))
            same = {name: getattr(found[0], name) for name in ("values", "class_names", "covariate_names")}
            loaded = Dataset(_option(node), found[0].images, found[0].images, **same)
        else:
            loaded = module.load(node, data_dir=data_dir, seed=seed, trusted=trusted)
            found.append(Listed(loaded.test, Rowed(("test", len(loaded.test)))))
        return prepare(loaded, shared_options(node), seed=seed, validation=validation)

    prepared = dataset(node, own, cfg, load).test
    return found[0]._replace(images=prepared)


def of_images(images: tuple, own: Dataset, cfg: dict, given: tuple = ()) -> Split:
    """Images in memory, views (N, H, W, C), prepared as a run's own.

    Args:
        given: their condition ((N, K),) where the run has one.
    """
    split = Split(tuple(v if v.dtype == np.uint8 else v.astype(np.float32) for v in images))

    def load(node: dict, *, data_dir, seed, trusted, validation) -> Dataset:
        given = Dataset("images", split, split, values="real" if own.values == "real" else "grey")
        return prepare(given, dict.fromkeys(SHARED) | node, seed=seed, validation=validation)

    return replace(dataset({}, replace(own, condition=None), cfg, load).test, given=given)


def _fit(name: str, theirs, own, resize: str | None = None) -> None:
    if theirs == own:
        return
    told = f"on={name}: its images are {_said(theirs)}, those of this run {_said(own)}"
    if len(theirs) == len(own) == 1 and theirs[0][2] == own[0][2]:
        raise ConfigError(f"{told}. {resize or f'on.resize=[{own[0][0]},{own[0][1]}]'} makes them so.")
    if len(theirs) != len(own):
        raise ConfigError(f"{told}: the number of views must be equal.")
    if "color" in locate.node("dataset", name)[0] and own[0][2] in (1, 3):
        raise ConfigError(f"{told}. on.color={'grey' if own[0][2] == 1 else 'rgb'} makes the channels equal.")
    raise ConfigError(f"{told}: the channels must be equal.")


def _said(shapes) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)
