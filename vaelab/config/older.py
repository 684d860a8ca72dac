"""A finished run's configuration under today's settings: what it lacks is filled in, what is gone is refused."""

import copy
import dataclasses
from typing import Any

import yaml

from vaelab.config import locate, schema, signature
from vaelab.config.check import nearest
from vaelab.config.folders import NOT_IN_HASH, NOT_IN_HASH_TRAINER
from vaelab.errors import RunError


def completed(stored: dict[str, Any], chosen: dict[str, str], where: str) -> tuple[dict[str, Any], str | None]:
    """(the configuration with every setting of today, a note that names those it lacked and that matter, or None).

    Args:
        stored: content of a run's config.yaml.
        chosen: {group: option} as the run recorded it; may be empty.
        where: the file, for messages.

    Raises:
        RunError: a setting is unknown today, or one it lacks has no value to be filled with.
    """
    cfg, filled = copy.deepcopy(stored), {}
    content = yaml.safe_load((locate.conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    defaults = {k: v for entry in content["defaults"] if isinstance(entry, dict) for k, v in entry.items()}
    nodes = {group: option for group, option in defaults.items() if isinstance(option, str) and " " not in group}
    for key, value in content.items():
        if key not in cfg and key not in ("defaults", "hydra"):
            cfg[key] = filled[key] = _plain(value, cfg)
    for group, option in nodes.items():
        option = chosen.get(group) or option
        if not isinstance(cfg.get(group), dict):
            cfg[group] = _option(group, option)
            filled[group] = option
        node = cfg[group]
        if group in schema.CLOSED:
            wanted = {f.name for f in dataclasses.fields(schema.CLOSED[group])}
            _refuse_unknown(group, set(node) - wanted, wanted, where)
        else:
            wanted = _settings(group, node, where)
            option = _option_of(group, option, node["_target_"])
        _fill(group, node, wanted, option, cfg, filled, where)
    for group, name in schema.MULTI.items():
        for option, node in (cfg.get(name) or {}).items():
            if "_target_" in node:
                path = f"{name}.{option}"
                _fill(path, node, _settings(path, node, where), (group, option), cfg, filled, where)
    silent = {*NOT_IN_HASH, *(f"trainer.{key}" for key in NOT_IN_HASH_TRAINER)}  # these change no result
    filled = {k: v for k, v in filled.items() if k not in silent and k.partition(".")[0] not in NOT_IN_HASH}
    if not filled:
        return cfg, None
    shown = ", ".join(f"{key}={'null' if value is None else value}" for key, value in filled.items())
    return cfg, f"{where} was written before there were these settings; today's defaults are used: {shown}"


def _settings(path: str, node: dict, where: str) -> set[str] | None:
    """What a part's node must hold; None where that cannot be known (a user's own part)."""
    target = node.get("_target_", "")
    if not target.startswith("vaelab."):
        return None
    found = signature.settings(target)
    if found is None:
        raise RunError(f"{where}: {path} is {target}, which this vaelab does not have. It was made by another version.")
    wanted = set(found) - schema.RUNTIME
    given = {k for k in node if not (k.startswith("_") and k.endswith("_"))}
    shared = {f.name for f in dataclasses.fields(schema.ImageOptions)} if path == "dataset" else set()
    _refuse_unknown(path, given - set(found) - shared, wanted, where)
    return wanted


def _refuse_unknown(path: str, unknown: set[str], known: set[str], where: str) -> None:
    if unknown:
        name = sorted(unknown)[0]
        raise RunError(
            f"{where}: {path}.{name} is no setting of this vaelab; the run was made by another version, or the "
            f"file was edited. {nearest(name, known)}"
        )


def _fill(path, node, wanted, option, cfg, filled, where) -> None:
    """Puts in what is missing, from the option's yaml."""
    missing = sorted((wanted or set()) - set(node))
    if not missing:
        return
    group, name = option if isinstance(option, tuple) else (path, option)
    known = _option(group, name) if name else {}
    for key in missing:
        if key not in known:
            raise RunError(
                f"{where}: {path}.{key} is missing, and there is no {group} option of today to take it from. "
                "Add the value the run was trained with."
            )
        node[key] = filled[f"{path}.{key}"] = _plain(known[key], cfg)


def _option_of(group: str, option: str, target: str) -> str | None:
    """The recorded option if it still is of this target, else one that is, else None."""
    candidates = [option, *locate.options(group)]
    return next((o for o in candidates if _option(group, o).get("_target_") == target), None)


def _option(group: str, option: str) -> dict:
    """Content of conf/<group>/<option>.yaml, {} where there is none."""
    path = locate.option_file(group, option)
    content = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path else {}
    return {k: v for k, v in content.items() if k != "defaults"}


def _plain(value, cfg):
    """A value from yaml; one that refers to another setting is looked up, one that refers elsewhere is null."""
    if isinstance(value, str) and value.startswith("${"):
        found: Any = cfg
        for key in value[2:-1].split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found
    return copy.deepcopy(value)
