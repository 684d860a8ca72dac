"""Refuses a configuration that cannot work, before anything heavy is imported and before data are read."""

import difflib
from collections.abc import Iterator
from typing import Any

from vaelab.config import locate, schema, signature, trust
from vaelab.config.nearest import by_meaning, nearest
from vaelab.config.parts import settings
from vaelab.config.typed import quoted
from vaelab.errors import ConfigError, RunError


def check(cfg: dict[str, Any], *, primary: str, choices: dict[str, Any]) -> None:
    """ConfigError with every problem of a composed configuration.

    Args:
        cfg: the resolved configuration as plain containers, without Hydra's node.
        primary: name of the primary config ("train").
        choices: the chosen option of each group, as Hydra recorded it.
    """
    if not isinstance(cfg.get("trusted") or (), list | tuple):
        shown = quoted(cfg["trusted"])
        raise ConfigError(f"trusted: expected a list of packages, as in trusted=[mine], got {shown}.")
    if problems := list(_problems(cfg, primary, choices)):
        raise ConfigError("\n".join(problems))


def _problems(cfg: dict[str, Any], primary: str, choices: dict[str, Any]) -> Iterator[str]:
    elsewhere = [(group, where) for group, _, where in (choice.partition("@") for choice in choices) if where]
    groups = {g for g in choices if "/" not in g and g in locate.groups()} - {"experiment", "sweep"}
    groups |= {group for group, node in schema.MULTI.items() if node in cfg}  # Hydra does not record lists of options
    nodes = {schema.MULTI.get(g, g) for g in groups}
    defaults = primary_settings(primary)
    types = schema.top_level(primary, defaults)
    for key, value in cfg.items():
        if key not in {*defaults, *types, *nodes}:
            yield f"{key} is not a setting. {nearest(key, {*defaults, *nodes})}"
        elif key in types and key not in nodes:
            yield from _of_value(key, value, types[key])
    if missing := sorted({*defaults, *types} - set(cfg) - nodes):
        told = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        yield f"{told} A setting cannot be taken away; {missing[0]}=null where there is to be none."
    for group in sorted(groups):
        if group in schema.MULTI:
            yield from _of_several(schema.MULTI[group], cfg, group, bool(choices.get("experiment")))
        elif choices[group] is None or group not in cfg:
            yield f"{group}: expected one of its options. {nearest('', locate.options(group))}"
        elif group in schema.CLOSED:
            yield from _of_closed(group, cfg[group], schema.CLOSED[group])
        else:
            yield from _of_part(group, cfg[group], group, choices[group], cfg.get("trusted") or ())
    for group, where in elsewhere:
        option = choices[f"{group}@{where}"]
        if option is not None or cfg.get(where) is not None:
            yield from _of_part(where, cfg.get(where), group, option or "", cfg.get("trusted") or ())


def check_launcher(node: dict[str, Any]) -> None:
    """ConfigError for settings of the launcher (hydra.launcher) that cannot be, or a package that is absent."""
    import importlib.util

    problems = list(_of_closed("hydra.launcher", node, schema.LAUNCHER))
    cluster = node.get("cluster")
    if not problems and cluster in schema.CLUSTERS:
        own, package, extra = schema.CLUSTERS[cluster]
        problems += _of_closed("hydra.launcher.settings", node["settings"], own)
        if importlib.util.find_spec(package) is None:
            problems.append(f'cluster={cluster} needs {package}: pip install "{extra}".')
    if problems:
        raise ConfigError("\n".join(problems))


def check_stored(cfg: dict[str, Any], where: str) -> None:
    """RunError where a run's completed configuration holds what no training can have had: it was edited or damaged.

    Whose parts its `_target_` name is judged where they are used: a run's numbers and files can be read without.
    """
    problems: list[str] = []
    for key, annotation in schema.TRAIN.items():
        problems += _of_value(key, cfg.get(key), annotation)
    for key, closed in schema.CLOSED.items():
        problems += _of_closed(key, cfg.get(key), closed)
    for node, beside in schema.BESIDE.items():
        for key, annotation in beside.items():
            problems += _of_value(f"{node}.{key}", cfg[node].get(key), annotation)
    for group, path, node in trust.parts_of(cfg):
        target = node["_target_"]
        if target in trust.built_in(group) and (types := _types_of_part(target, group)) is not None:
            problems += _of_settings(path, settings(node), types, set(types), f"{group}={target}")
    if problems:
        raise RunError(f"{where} is not as vaelab wrote it: {' '.join(problems)}")


def primary_settings(name: str) -> dict[str, Any]:
    """Top-level keys and values of a primary config."""
    path = next(path for base in locate.searched() if (path := base / f"{name}.yaml").is_file())
    content = locate.content(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected settings (key: value), got {quoted(content)}.")
    return {k: v for k, v in content.items() if k not in ("defaults", "hydra")}


# -- problems, one sentence or two each -------------------------------------------------------------------------------


def _of_value(where: str, value: Any, annotation: Any) -> Iterator[str]:
    if isinstance(annotation, dict):
        yield from _of_closed(where, value, annotation)
    elif isinstance(annotation, signature.Unreadable):
        yield (
            f"{where}: its annotation {annotation.text} cannot be checked. Write it with int, float, bool, str, list, "
            "dict, Literal, Optional and | None, or leave it out."
        )
    elif not signature.fits(value, annotation):
        yield f"{where}: expected {signature.describe(annotation)}, got {quoted(value)}."


def _of_closed(where: str, node: Any, types: dict[str, Any]) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"{where}: expected settings, got {quoted(node)}. Choose an option with {where}=<name>."
        return
    yield from _of_settings(where, node, types, set(types))
    yield from _of_missing(where, set(types) - set(node))


def _of_several(where: str, cfg: dict, group: str, recipe: bool) -> Iterator[str]:
    """Of the options of a group that takes several."""
    chosen, beside = cfg.get(where) or {}, schema.BESIDE.get(where, {})
    if not isinstance(chosen, dict):
        yield f"{where}: expected settings, got {quoted(chosen)}. Choose options with {group}=[<name>]."
        return
    yield from _of_missing(where, set(beside) - set(chosen))
    for name, node in chosen.items():
        if name in beside:
            yield from _of_value(f"{where}.{name}", node, beside[name])
        elif not isinstance(node, dict):
            yield f"{where}.{name}: expected settings, got {quoted(node)}."
        elif "_target_" in node or not recipe:  # a recipe may have settings for an option that the user deselected
            yield from _of_part(f"{where}.{name}", node, group, name, cfg.get("trusted") or ())


def _of_part(where: str, node: Any, group: str, option: str, trusted) -> Iterator[str]:
    """Of a node with a `_target_`: its keys against its option's, its values against the signature."""
    if not isinstance(node, dict) or "_target_" not in node:
        yield f"{where}: expected an option of the group '{group}', got {quoted(node)}."
        return
    try:
        trust.check(node["_target_"], group, trusted)
    except ConfigError as error:
        yield f"{where}.{error}"
        return
    if (types := _types_of_part(node["_target_"], group)) is None:
        yield f"{where}._target_: there is no {node['_target_']}."
        return
    known = set(types)
    if locate.option_file(group, option):
        known = locate.node(group, option)[0].keys() - {"_target_"}
        yield from _of_missing(where, known - set(node))
    yield from _of_settings(where, settings(node), types, known, f"{group}={option}")


def _types_of_part(target: str, group: str) -> dict[str, Any] | None:
    """{setting: annotation} of what a `_target_` names, those that all datasets share among them; None of nothing."""
    types = signature.settings(target)
    shared = schema.IMAGE_OPTIONS if group == "dataset" else {}
    return None if types is None else {**shared, **types}


def _of_settings(where: str, given: dict, types: dict, known: set[str], part: str | None = None) -> Iterator[str]:
    """Of settings that are not known, and of values that are not of their types.

    Args:
        part: "<group>=<option>" where they are a part's.
    """
    for key, value in given.items():
        if key in known:
            yield from _of_value(f"{where}.{key}", value, types.get(key, Any))
        elif part is None:
            yield f"{where}.{key} is not a setting. {nearest(key, known)}"
        else:
            yield f"{where}.{key} is not a setting of {part}. {_nearest_setting(key, known, where)}"


def _of_missing(where: str, missing) -> Iterator[str]:
    for key in sorted(missing):
        yield f"{where}.{key} is missing: it is one of the settings that {where} must have."


def _nearest_setting(key: str, known, where: str) -> str:
    """`nearest` among a part's settings and the top-level ones, which people look for inside parts."""
    top = schema.TRAIN
    close = difflib.get_close_matches(key, [*known, *top], n=1, cutoff=0.6)
    if close and close[0] in top:
        return f"Did you mean '{close[0]}' (without '{where}.')?"
    return by_meaning(key, {name: name for name in known}) or nearest(key, known)
