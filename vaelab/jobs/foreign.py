"""Images that a run has never seen, prepared as its own: `on=<dataset>` of evaluate, plot and score."""

from contextlib import contextmanager
from dataclasses import replace

from vaelab.config.parts import part
from vaelab.contracts import misfit_of
from vaelab.datasets.base import Dataset
from vaelab.datasets.prepare import declared_shapes, load_dataset
from vaelab.errors import ConfigError, DataError

# How grey images become those of a run whose own are binary by nature, by what its own are (`Dataset.values`).
AS_PUBLISHED = {"binary": "threshold", "static": "static"}


def check(node: dict, cfg: dict) -> None:
    """ConfigError where images cannot be those of a run, as far as both configurations say.

    Args:
        node: a composed `dataset` node.
        cfg: the run's configuration.
    """
    with _said_of_on():
        theirs = declared_shapes(node)
    own = declared_shapes(cfg["dataset"])
    if theirs is not None and own is not None:
        _fit(node["_target_"].split(".")[-2], theirs, own)


def dataset(node: dict, own: Dataset, cfg: dict, load=load_dataset) -> Dataset:
    """The dataset of a node, binarised and standardised as a run's own.

    Args:
        own: the run's dataset.
        cfg: its configuration.
        load: what reads it, called as `load_dataset` is.

    Raises:
        ConfigError: images of another shape, or of pixels that the run's likelihood does not describe.
    """
    how = own.binarize if own.binarize != "none" else AS_PUBLISHED.get(own.values, "none")
    prepared = {"binarize": how, "binarize_seed": cfg["dataset"].get("binarize_seed"), "standardize": False}
    trusted = cfg.get("trusted") or ()
    with _said_of_on():
        found = load(node | prepared, data_dir=cfg["data_dir"], seed=cfg["seed"], trusted=trusted, validation=False)
    _fit(found.name, found.shapes, own.shapes)
    found = replace(found, standardize=own.standardize)
    if (own.values == "real") != (found.values == "real"):
        theirs, ours = ("real numbers" if d.values == "real" else "intensities in [0, 1]" for d in (found, own))
        raise ConfigError(
            f"on={found.name}: its pixels are {theirs}, this run's {ours}: its likelihood says nothing of them."
        )
    likelihood = part(cfg["likelihood"], "likelihood", trusted=trusted)
    if (why := misfit_of(likelihood, found)) and not misfit_of(likelihood, own):
        raise ConfigError(f"on={found.name}: this run's likelihood does not describe these images. {why}")
    return found


def view(node: dict | None, own, cfg: dict):
    """A run's `LatentView` on another dataset; on its own where there is none.

    Args:
        own: the run's view.
        cfg: its configuration.
    """
    return own if node is None else own.on(dataset(node, own.dataset, cfg))


@contextmanager
def _said_of_on():
    """What readers of datasets say of `dataset` and its settings is said of `on`."""
    try:
        yield
    except (ConfigError, DataError) as error:
        said = str(error).replace("dataset.", "on.").replace("dataset=", "on=")
        raise type(error)(said) from None


def _fit(name: str, theirs, own) -> None:
    if theirs == own:
        return
    told = f"on={name}: its images are {_said(theirs)}, those of this run {_said(own)}"
    if len(theirs) == len(own) == 1 and theirs[0][2] == own[0][2]:
        raise ConfigError(f"{told}. on.resize=[{own[0][0]},{own[0][1]}] makes them so.")
    raise ConfigError(f"{told}: {'the number of views' if len(theirs) != len(own) else 'the channels'} must be equal.")


def _said(shapes) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)
