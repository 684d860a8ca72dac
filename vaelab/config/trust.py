"""The one door for what a configuration names: every `_target_` becomes an object here, or a sentence.

A built-in part is one that an option of its own group in `conf/` names; anything else of vaelab's, Keras's or Python's
is no part, however it is spelled. A part of the user's is a class or function that a package in `trusted` itself
defines. A module is imported only after its name has passed: importing runs it.
"""

import importlib
import inspect
import re
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from vaelab import contracts
from vaelab.config import locate, schema, signature
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError

# Packages without parts, whatever `trusted` says: a name in them is no oversight.
NO_PARTS = {"keras", "tensorflow", "hydra", *sys.stdlib_module_names}


@cache
def built_in(group: str) -> frozenset[str]:
    """The targets that the options of conf/<group> name."""
    files = (locate.conf_dir() / group).glob("*.yaml")
    found = (re.findall(r"^_target_:\s*(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE) for path in files)
    return frozenset(name for names in found for name in names)


def check(target, group: str, trusted=()) -> None:
    """ConfigError where an option of a group may not name this; nothing is imported.

    Args:
        target: the value of `_target_`.
        trusted: packages of the user's.
    """
    if not isinstance(target, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", target):
        raise ConfigError(f"_target_: expected the dotted name of a class or function, got {target!r}.")
    if target in built_in(group):
        return
    package = target.partition(".")[0]
    if package == "vaelab":
        raise ConfigError(f"_target_: there is no {target} in the group '{group}'. {nearest(target, built_in(group))}")
    if package in NO_PARTS:
        raise ConfigError(f"_target_ names {target}, which is none of vaelab's parts, and {package} holds none.")
    if package not in trusted:
        raise ConfigError(
            f"_target_ names {target}, which is none of vaelab's parts. If {package} is a package of yours, or you "
            f"trust it, add trusted=[{package}]."
        )


def parts_of(cfg: dict) -> list[tuple[str, str, dict]]:
    """(group, where it stands, node) of every part that a configuration chooses."""
    found = [(group, group, cfg[group]) for group in contracts.BY_GROUP if group not in schema.MULTI]
    for group, key in schema.MULTI.items():
        nodes = (cfg.get(key) or {}).items()
        found += [(group, f"{key}.{name}", n) for name, n in nodes if isinstance(n, dict) and "_target_" in n]
    return found


def check_parts(cfg: dict) -> None:
    """ConfigError where a configuration names what is no part; nothing is imported."""
    for group, where, node in parts_of(cfg):
        try:
            check(node.get("_target_"), group, cfg.get("trusted") or ())
        except ConfigError as error:
            raise ConfigError(f"{where}.{error}") from None


def load(target, group: str, trusted=()) -> Any:
    """The class or function itself.

    Raises:
        ConfigError: it may not be named, is not there, is another package's, or is not what the group takes.
    """
    try:
        check(target, group, trusted)
    except ConfigError as error:
        raise ConfigError(f"{group}.{error}") from None
    module, _, name = target.rpartition(".")
    content = _imported(module)
    found = content.get(name)
    if found is None:
        defined = [k for k, v in content.items() if getattr(v, "__module__", None) == module]
        hint = nearest(name, defined) if defined else "It defines no class and no function."
        raise ConfigError(f"{target}: the module {module} ({content.get('__file__')}) has no {name}. {hint}")
    package, own = target.partition(".")[0], str(getattr(found, "__module__", None))
    if not (inspect.isclass(found) or inspect.isfunction(found)) or own.partition(".")[0] != package:
        raise ConfigError(f"{target}: expected a class or function defined in {package}, got one of {own}.")
    contract = contracts.BY_GROUP[group]
    if contract in contracts.FUNCTIONS and not inspect.isfunction(found):
        raise ConfigError(f"{target}: expected a function for the group '{group}', got a class.")
    return contracts.check(found, contract, target)


def _imported(module: str) -> dict:
    """The names of a module; one of the user's may lie in the current folder or in one of --config-dir.

    Raises:
        ConfigError: it cannot be imported, or this process already has another module of that name.
    """
    try:
        with _own_importable():
            content = vars(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):  # of a package that it needs
            raise ConfigError(f"{module} cannot be loaded: there is no module named {error.name}.") from None
        looked = ", ".join(map(str, locate.own_roots()))
        raise ConfigError(f"There is no module {module}: looked on Python's path and in {looked}.") from None
    except Exception as error:  # importing a user's module may raise anything
        raise ConfigError(f"{module} cannot be loaded: {type(error).__name__}: {error}") from None
    there, checked = content.get("__file__"), signature.module_file(module)
    if there and checked and Path(there).resolve() != checked.resolve():
        raise ConfigError(
            f"{module} is {checked}, but this process has imported {there} under that name. Start a new process, or "
            "give the package another name."
        )
    return content


@contextmanager
def _own_importable():
    """The user's folders at the end of Python's path, so that what is installed wins; gone afterwards."""
    before = list(sys.path)
    sys.path += [str(root) for root in locate.own_roots() if str(root) not in before]
    importlib.invalidate_caches()  # a file written a moment ago
    try:
        yield
    finally:
        sys.path[:] = before


def beside(target, group: str, name: str):
    """What the module of a built-in dataset holds beside its reader (`contracts.DatasetModule`), or None."""
    if not isinstance(target, str) or target not in built_in(group):
        return None
    return contracts.optional(importlib.import_module(target.rpartition(".")[0]), contracts.DatasetModule, name)
