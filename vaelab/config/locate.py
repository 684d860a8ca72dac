"""The options of the groups: the user's folders, then `conf/` of the checkout or `vaelab/conf` in a wheel."""

import copy
from collections.abc import Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vaelab.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
_user_dirs: ContextVar[tuple[Path, ...]] = ContextVar("user_dirs", default=())


@contextmanager
def config_dirs(given: str | Path | Iterable[str | Path]):
    """Within it the options in these folders are found, too, and win over those outside it and over vaelab's own.

    Args:
        given: one folder or several.

    Raises:
        ConfigError: one of them is no folder.
    """
    folders = [given] if isinstance(given, str | Path) else list(given)
    paths = [Path(folder).expanduser().resolve() for folder in folders]
    for folder, path in zip(folders, paths):
        if not path.is_dir():
            raise ConfigError(f"--config-dir: expected a folder, got {folder}, which is not there.")
    token = _user_dirs.set(tuple(dict.fromkeys((*paths, *_user_dirs.get()))))
    try:
        yield
    finally:
        _user_dirs.reset(token)


def user_dirs() -> tuple[Path, ...]:
    """The folders of `config_dirs`, the one that wins first."""
    return _user_dirs.get()


def own_roots() -> list[Path]:
    """Where a trusted package of the user's may lie besides Python's own path: the current folder, --config-dir's."""
    return list(dict.fromkeys([Path.cwd(), *user_dirs()]))


def typed_dirs() -> list[str]:
    """The words that give another process the same folders."""
    return [f"--config-dir={folder}" for folder in user_dirs()]


def searched() -> tuple[Path, ...]:
    """Every folder with options, the one that wins first."""
    return (*user_dirs(), conf_dir())


@cache
def conf_dir() -> Path:
    """Absolute path of the built-in configuration."""
    for candidate in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if (candidate / "train.yaml").is_file():
            return candidate
    raise ConfigError(f"vaelab's own configuration is missing: expected it in {PACKAGE / 'conf'}. Reinstall vaelab.")


def options(group: str) -> list[str]:
    """Names of the options of a group."""
    found = set()
    for base in searched():
        found |= {p.stem for p in (base / group).glob("*.yaml")}
    return sorted(found)


def chosen(primary: str) -> dict[str, Any]:
    """{group: option, or several} that conf/<primary>.yaml chooses where nothing is typed."""
    entries = content(conf_dir() / f"{primary}.yaml").get("defaults", ())
    return {group: option for entry in entries if isinstance(entry, dict) for group, option in entry.items()}


def beside(node: str) -> dict[str, Any]:
    """{setting: value} of what conf/base/<node>.yaml puts beside the options of a group of several."""
    path = conf_dir() / "base" / f"{node}.yaml"
    return copy.deepcopy(content(path)) if path.is_file() else {}


def usual(group: str) -> list[str]:
    """The options of a group of several that a run has which asks for none."""
    return chosen("train")[group]


def groups() -> list[str]:
    """Names of the groups a user may choose from (folders of `conf/`, shared pieces in `base` left out)."""
    found = set()
    for base in searched():
        found |= {p.name for p in base.iterdir() if p.is_dir() and any(p.glob("*.yaml"))}
    return sorted(found - {"base"})


def option_file(group: str, option: str) -> Path | None:
    """The yaml of an option, None where there is none."""
    if not isinstance(option, str) or Path(option).name != option:  # a run's record names options, too
        return None
    for base in searched():
        path = base / group / f"{option}.yaml"
        if path.is_file():
            return path
    return None


def node(group: str, option: str | None) -> tuple[dict, dict]:
    """(the node that an option makes, what it sets above the groups), with all of its defaults list, as Hydra does it.

    Both are empty where there is no such option.
    """
    path = option_file(group, option) if option else None
    own = content(path) if path else {}
    made, above = {}, {}
    for entry in own.get("defaults", ["_self_"]):
        if not isinstance(entry, str):  # another group's option
            continue
        name, _, package = entry.partition("@")
        folder, _, name = name.rpartition("/")
        if name == "_self_":
            found, higher = {k: v for k, v in own.items() if k != "defaults"}, {}
        else:
            found, higher = node(folder.strip("/") or group, name)
        _merge(above if package == "_global_" else made, found)
        _merge(above, higher)
    return made, above


def _merge(into: dict, more: dict) -> None:
    """Puts settings into a node, deep."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def content(path: Path) -> Any:
    """What a yaml file holds, {} where that is nothing; it is read again where it has changed.

    Raises:
        YAMLError, OSError, ValueError: it cannot be read.
    """
    return _content(path, path.stat().st_mtime_ns)


@cache
def _content(path: Path, changed: int) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
