"""The variables of a model and its optimizer under the names that checkpoints keep their arrays by."""

import re
from collections import Counter

import keras
import numpy as np
from keras import ops

from vaelab.errors import ConfigError, RunError, name_of


def of_model(vae) -> dict:
    """{path: variable} of all state of a `VAEModel` but the running means of an epoch, in Keras's order.

    A path is Keras's own ("hidden_1/kernel") below the networks that hold the variable ("decoder/hidden_1/kernel").
    The numbers that Keras gives to layers without a name count from the start of the process; here they count from the
    start of the model, so that the same configuration has the same paths everywhere.

    Raises:
        ConfigError: two variables have the same path.
    """
    running = {id(v) for metric in vae.metrics for v in metric.variables}
    compiled = getattr(vae, "optimizer", None)
    optimizer = {id(v) for v in compiled.variables} if compiled else set()
    networks: dict[int, tuple] = {}
    for layer in _children(vae):
        _find_networks(layer, (), networks)
    kept = [v for v in vae.variables if id(v) not in running | optimizer]
    paths: list[list[str]] = []
    for variable in kept:
        own = variable.path.split("/")
        paths.append([*(name for name in networks.get(id(variable), ()) if name not in own), *own])
    numbers = _numbers_from_zero({name for path in paths for name in path}, vae)
    return _unique(["/".join(numbers.get(name, name) for name in path) for path in paths], kept)


def of_optimizer(optimizer, trainable: dict) -> dict:
    """{path: variable} of an optimizer: its counters, and for each trainable variable "<path>/momentum" and the like.

    Args:
        optimizer: built for the trainable variables.
        trainable: {path: variable} of what it moves, in the order it was built for.
    """
    waiting: dict[str, list] = {}  # Keras calls a slot by the flattened path of its variable, which may occur twice
    for path, variable in trainable.items():
        waiting.setdefault(variable.path.replace("/", "_"), []).append(path)
    seen, paths = Counter(), []
    for variable in optimizer.variables:
        flat, _, slot = variable.name.rpartition("_")
        owners, n = waiting.get(flat, []), seen[variable.name]
        paths.append(f"{owners[n]}/{slot}" if n < len(owners) else variable.name)
        seen[variable.name] += 1
    return _unique(paths, optimizer.variables)


def arrays_of(variables: dict) -> dict[str, np.ndarray]:
    """{path: copy as a numpy array} of variables."""
    arrays = {path: ops.convert_to_numpy(v.value) for path, v in variables.items()}
    # jax and torch hand out views that training changes
    return {path: a if a.flags.owndata else a.copy() for path, a in arrays.items()}


def assign(variables: dict, arrays: dict, where="the checkpoint") -> None:
    """Puts arrays into the variables of the same paths.

    Raises:
        RunError: a variable has no array, an array no variable, or another shape.
    """
    for path, variable in variables.items():
        if path not in arrays:
            raise RunError(f"{where} has no array for {path}, a variable of this model.{_others(arrays, variables)}")
        if tuple(variable.shape) != arrays[path].shape:
            raise RunError(
                f"{where}: {path} has shape {tuple(variable.shape)} in this model, the file has {arrays[path].shape}."
            )
    if extra := [name_of(path) for path in arrays if path not in variables]:
        raise RunError(f"{where} holds {extra[0]}, which is no variable of this model.")
    for path, variable in variables.items():
        variable.assign(arrays[path])


def by_path(arrays: dict | list, like: dict, where="the checkpoint") -> dict:
    """Arrays under the paths of `like`: as they are, or by position where they were stored without names (format 1).

    Args:
        like: {path: variable or array} in the order in which they were stored.

    Raises:
        RunError: their number differs.
    """
    if isinstance(arrays, dict):
        return arrays
    if len(arrays) != len(like):
        raise RunError(f"{where} holds {len(arrays)} arrays, this model has {len(like)} variables.")
    return dict(zip(like, arrays))


def _children(layer) -> list:
    """The layers that a layer consists of, one level down."""
    return layer._flatten_layers(include_self=False, recursive=False)


def _find_networks(layer, above: tuple, found: dict) -> None:
    """Notes for each variable the names of the functional models it lies in, from the outside in."""
    if isinstance(layer, keras.Model):
        above = (*above, layer.name)
    for child in _children(layer):
        _find_networks(child, above, found)
    for variable in layer.variables:
        found.setdefault(id(variable), above)


def _numbers_from_zero(names: set[str], vae) -> dict[str, str]:
    """{name that Keras made up ("dense_7"): the same, numbered from 0 among these ("dense", "dense_1", ...)}."""
    numbered: dict[str, dict[str, int]] = {}
    for kind in {"seed_generator", *(_snake_case(type(layer).__name__) for layer in vae._flatten_layers())}:
        for name in names:
            if number := re.fullmatch(rf"{kind}(?:_(\d+))?", name):
                numbered.setdefault(kind, {})[name] = int(number[1] or 0)
    return {
        name: f"{kind}_{n}" if n else kind
        for kind, found in numbered.items()
        for n, name in enumerate(sorted(found, key=found.__getitem__))
    }


def _snake_case(name: str) -> str:
    """The name that Keras makes up for the first object of a class."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _unique(paths: list[str], variables: list) -> dict:
    """{path: variable}; ConfigError where a path occurs twice."""
    if twice := [path for path, n in Counter(paths).items() if n > 1]:
        raise ConfigError(
            f"Several of this model's variables are called {' or '.join(twice[:3])}: a checkpoint could not tell them "
            "apart. Give the layers of a network different names."
        )
    return dict(zip(paths, variables))


def _others(arrays: dict, variables: dict) -> str:
    extra = [name_of(path) for path in arrays if path not in variables]
    return f" It holds {extra[0]}, which the model does not have." if extra else ""
