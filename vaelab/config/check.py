"""Refuses a configuration that cannot work, before anything heavy is imported and before data are read."""

import dataclasses
import difflib
from pathlib import Path
from typing import Any

import yaml

from vaelab.config import locate, schema, signature, trust
from vaelab.config.nearest import by_meaning, nearest
from vaelab.config.typed import quoted as _shown
from vaelab.errors import ConfigError, RunError


def _nearest_setting(key: str, known, where: str) -> str:
    """`nearest` among a part's settings and the top-level ones, which people look for inside parts."""
    top = [f.name for f in dataclasses.fields(schema.Train)]
    close = difflib.get_close_matches(key, [*known, *top], n=1, cutoff=0.6)
    if close and close[0] in top:
        return f"Did you mean '{close[0]}' (without '{where}.')?"
    return by_meaning(key, {name: name for name in known}) or nearest(key, known)


def check(cfg: dict[str, Any], *, primary: str, choices: dict[str, Any]) -> None:
    """ConfigError with every problem of a composed configuration.

    Args:
        cfg: the resolved configuration as plain containers, without Hydra's node.
        primary: name of the primary config ("train").
        choices: the chosen option of each group, as Hydra recorded it.
    """
    problems: list[str] = []
    groups = {g for g in choices if "/" not in g and g in locate.groups()} - {"experiment", "sweep"}
    groups |= {group for group, node in schema.MULTI.items() if node in cfg}  # Hydra does not record lists of options
    nodes = {schema.MULTI.get(g, g) for g in groups}
    top = getattr(schema, schema.of_command(primary), None)
    defaults = _primary(primary)
    known = set(defaults) | nodes
    types = _annotations(top) if top else {}
    trusted = cfg.get("trusted") or ()
    if not isinstance(trusted, list | tuple):
        raise ConfigError(f"trusted: expected a list of packages, as in trusted=[mine], got {_shown(trusted)}.")
    for key, value in cfg.items():
        if key not in known and key not in types:
            problems.append(f"{key} is not a setting. {nearest(key, known)}")
        elif key in types and key not in nodes:
            _check_value(key, value, types[key], problems)
        elif key not in nodes:
            _check_plain(key, value, defaults[key], problems)
    if missing := sorted({*defaults, *(types if primary == "train" else ())} - set(cfg) - nodes):
        told = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        problems.append(f"{told} A setting cannot be taken away; {missing[0]}=null where there is to be none.")
    for group in sorted(groups):
        if group not in schema.MULTI and (choices[group] is None or group not in cfg):
            problems.append(f"{group}: expected one of its options. {nearest('', locate.options(group))}")
        elif group in schema.CLOSED:
            _check_closed(group, cfg.get(group), schema.CLOSED[group], problems)
        elif group in schema.MULTI:
            _check_several(schema.MULTI[group], cfg, group, bool(choices.get("experiment")), trusted, problems)
        else:
            _check_part(group, cfg.get(group), group, choices[group], trusted, problems)
    if problems:
        raise ConfigError("\n".join(problems))


def _check_several(where, cfg, group, recipe: bool, trusted, problems) -> None:
    """The options of a group that takes several."""
    chosen = cfg.get(where) or {}
    if not isinstance(chosen, dict):
        problems.append(f"{where}: expected settings, got {_shown(chosen)}. Choose options with {group}=[<name>].")
        return
    for name, node in chosen.items():
        if not isinstance(node, dict):
            problems.append(f"{where}.{name}: expected settings, got {_shown(node)}.")
        elif "_target_" in node or not recipe:  # a recipe may have settings for an option that the user deselected
            _check_part(f"{where}.{name}", node, group, name, trusted, problems)


def check_launcher(settings: dict[str, Any]) -> None:
    """ConfigError for settings of the launcher (hydra.launcher) that cannot be, or a package that is absent."""
    import importlib.util

    problems: list[str] = []
    _check_closed("hydra.launcher", settings, schema.Launcher, problems)
    cluster = settings.get("cluster")
    if not problems and cluster in schema.CLUSTERS:
        own, package, extra = schema.CLUSTERS[cluster]
        _check_closed("hydra.launcher.settings", settings["settings"], own, problems)
        if importlib.util.find_spec(package) is None:
            problems.append(f'cluster={cluster} needs {package}: pip install "{extra}".')
    if problems:
        raise ConfigError("\n".join(problems))


def _primary(name: str) -> dict[str, Any]:
    """Top-level keys and values of a primary config."""
    for base in locate.searched():
        path = base / f"{name}.yaml"
        if path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            if not isinstance(content, dict):
                raise ConfigError(f"{path}: expected settings (key: value), got {_shown(content)}.")
            return {k: v for k, v in content.items() if k not in ("defaults", "hydra")}
    return {}


def _check_plain(where: str, value: Any, default: Any, problems: list[str]) -> None:
    """Keys of a nested node without types of its own, against the primary config's."""
    if isinstance(default, dict) and isinstance(value, dict):
        for key in value:
            if key not in default:
                problems.append(f"{where}.{key} is not a setting. {nearest(key, default)}")
            else:
                _check_plain(f"{where}.{key}", value[key], default[key], problems)


def _annotations(dataclass) -> dict[str, Any]:
    return {f.name: f.type for f in dataclasses.fields(dataclass)}


def _check_value(where: str, value: Any, annotation: Any, problems: list[str]) -> None:
    if dataclasses.is_dataclass(annotation):
        _check_closed(where, value, annotation, problems)
        return
    if isinstance(annotation, signature.Unreadable):
        problems.append(
            f"{where}: its annotation {annotation.text} cannot be checked. Write it with int, float, bool, str, list, "
            "dict, Literal, Optional and | None, or leave it out."
        )
    elif not signature.fits(value, annotation):
        problems.append(f"{where}: expected {signature.describe(annotation)}, got {_shown(value)}.")


def _check_closed(where: str, node: Any, dataclass, problems: list[str]) -> None:
    types = _annotations(dataclass)
    if not isinstance(node, dict):
        problems.append(f"{where}: expected settings, got {_shown(node)}. Choose an option with {where}=<name>.")
        return
    for key, value in node.items():
        if key not in types:
            problems.append(f"{where}.{key} is not a setting. {nearest(key, types)}")
        else:
            _check_value(f"{where}.{key}", value, types[key], problems)
    _need(where, set(types) - set(node), problems)


def _need(where: str, missing, problems: list[str]) -> None:
    for key in sorted(missing):
        problems.append(f"{where}.{key} is missing: it is one of the settings that {where} must have.")


def check_stored(cfg: dict[str, Any], where: str) -> None:
    """RunError where a run's completed configuration holds what no training can have had: it was edited or damaged.

    Whose parts its `_target_` name is judged where they are used: a run's numbers and files can be read without.
    """
    problems: list[str] = []
    for key, annotation in _annotations(schema.Train).items():
        if key not in schema.CLOSED:
            _check_value(key, cfg.get(key), annotation, problems)
    for key, closed in schema.CLOSED.items():
        _check_closed(key, cfg.get(key), closed, problems)
    parts = [(key, key, node) for key, node in cfg.items()]
    parts += [(group, f"{key}.{name}", node) for group, key in schema.MULTI.items() for name, node in cfg[key].items()]
    for group, path, node in parts:
        target = node.get("_target_") if isinstance(node, dict) else None
        if target in trust.built_in(group) and (types := signature.settings(target)) is not None:
            _check_settings(path, node, group, None, None, types, problems)
    if problems:
        raise RunError(f"{where} is not as vaelab wrote it: {' '.join(problems)}")


def _check_part(where, node, group, option, trusted, problems) -> None:
    """One node with a `_target_`: its keys against its own yaml, its values against the signature."""
    if not isinstance(node, dict) or "_target_" not in node:
        problems.append(f"{where}: expected an option of the group '{group}', got {_shown(node)}.")
        return
    target = node["_target_"]
    try:
        trust.check(target, group, trusted)
    except ConfigError as error:
        problems.append(f"{where}.{error}")
        return
    if (types := signature.settings(target)) is None:
        problems.append(f"{where}._target_: there is no {target}.")
        return
    path = locate.option_file(group, option)
    _check_settings(where, node, group, option, _option_keys(path) if path else None, types, problems)


def _check_settings(where, node, group, option, known, types, problems) -> None:
    """A part's settings against those known (None: of its signature), their values against the signature's types."""
    shared = _annotations(schema.ImageOptions) if group == "dataset" else {}
    if known is None:
        known = set(types) | set(shared)
    else:
        _need(where, known - set(node), problems)
    for key, value in node.items():
        if key.startswith("_") and key.endswith("_"):
            continue
        if key not in known:
            hint = _nearest_setting(key, known, where)
            problems.append(f"{where}.{key} is not a setting of {group}={option or node['_target_']}. {hint}")
        elif key in types:
            _check_value(f"{where}.{key}", value, types[key], problems)
        elif key in shared:
            _check_value(f"{where}.{key}", value, shared[key], problems)


def _option_keys(path: Path) -> set[str]:
    """Settings an option's yaml lists, with those of the shared pieces it includes."""
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    keys = {k for k in content if k not in ("defaults", "_target_")}
    for entry in content.get("defaults", []):
        name = entry if isinstance(entry, str) and not entry.endswith("@_global_") else None  # those are top-level keys
        if name and name != "_self_":
            relative = name.partition("@")[0].lstrip("/")
            piece = locate.option_file(*relative.rsplit("/", 1)) if "/" in relative else path.parent / f"{name}.yaml"
            if piece and piece.is_file():
                keys |= _option_keys(piece)
    return keys
