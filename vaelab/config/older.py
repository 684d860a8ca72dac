"""A finished run's configuration under today's settings: what it lacks is filled in, what is gone is refused."""

import copy
from typing import Any

from vaelab.config import locate, schema, signature, trust
from vaelab.config.folders import NOT_IN_HASH, YOUNGER, says_what_was_meant
from vaelab.config.nearest import nearest
from vaelab.config.parts import settings
from vaelab.errors import RunError

# Settings of a dataset that say where its files are and what they must hold.
SOURCES = ("files", "folders", "url", "sha256")
# What a configuration meant that was written before there was the setting, where that is not today's default.
MEANT = {"dataset.binarize_seed": None}


def migrated(stored: dict[str, Any], chosen: dict[str, str], where: str) -> tuple[dict[str, Any], str | None]:
    """(the configuration with every setting of today, a note that names those it lacked and that matter, or None).

    Args:
        stored: content of a run's config.yaml.
        chosen: {group: option} as the run recorded it; may be empty.
        where: the file, for messages.

    Raises:
        RunError: a setting is unknown today, or one it lacks has no value to be filled with.
    """
    cfg, filled = copy.deepcopy(stored), {}
    usual = locate.chosen("train").items()
    options = {g: chosen.get(g) or o for g, o in usual if isinstance(o, str) and " " not in g}
    top = {k: v for k, v in locate.content(locate.conf_dir() / "train.yaml").items() if k not in ("defaults", "hydra")}
    for group, option in options.items():  # an option may set what stands above the groups
        target = cfg[group].get("_target_") if isinstance(cfg.get(group), dict) else None
        top |= locate.node(group, _option_of(group, option, target) if target else option)[1]
    for key in top.keys() - cfg.keys():
        cfg[key] = filled[key] = _plain(top[key], cfg)
    for group, option in options.items():
        if cfg.get(group) is None:
            cfg[group] = _plain(locate.node(group, option)[0], cfg)
            filled[group] = option
    several = {group: name for group, name in schema.MULTI.items() if group in locate.chosen("train")}
    for name in several.values():
        cfg[name] = cfg[name] if isinstance(cfg.get(name), dict) else {}  # no node: none was chosen, as in plot=[]
        cfg[name] = locate.beside(name) | cfg[name]
    parts = [(group, group, option, cfg[group]) for group, option in options.items()]
    for group, name in several.items():
        nodes = cfg[name].items()
        parts += [(f"{name}.{o}", group, o, n) for o, n in nodes if isinstance(n, dict) and "_target_" in n]
    for path, group, option, node in parts:
        if not isinstance(node, dict):
            raise RunError(f"{where}: {path}: expected settings, got {node!r}. Restore the file.")
        if group in schema.CLOSED:
            wanted = set(schema.CLOSED[group])
            _refuse_unknown(path, set(node) - wanted, wanted, where)
        else:
            if not isinstance(target := node.get("_target_"), str):
                raise RunError(f"{where}: {path} does not say what it is: it has no _target_.")
            option = _option_of(group, option, target)
            wanted = _settings(path, group, node, where, locate.node(group, option)[0])
        for key in sorted(wanted - set(node)):
            if f"{path}.{key}" in MEANT:
                node[key] = MEANT[f"{path}.{key}"]
            elif key in (today := locate.node(group, option)[0]):
                node[key] = filled[f"{path}.{key}"] = _plain(today[key], cfg)
            else:
                raise RunError(
                    f"{where}: {path}.{key} is missing, and there is no {group} option of today to take it from. "
                    "Add the value the run was trained with."
                )
    silent = {*NOT_IN_HASH, *(key for key in YOUNGER if says_what_was_meant(key, cfg))}  # these change no result
    filled = {k: v for k, v in filled.items() if k not in silent and k.partition(".")[0] not in NOT_IN_HASH}
    if not filled:
        return cfg, None
    shown = ", ".join(f"{key}={'null' if value is None else value}" for key, value in filled.items())
    return cfg, f"{where} was written before there were these settings; today's defaults are used: {shown}"


def official_sources(node: dict, option: str | None, where: str) -> tuple[dict, str | None]:
    """(where a dataset's files come from, as its option says today, a note where the run says otherwise, or None).

    A run may come from anybody: it names files, but never where they are fetched or what they must hold.

    Args:
        node: a run's `dataset` node.
        option: the option the run recorded, or None.

    Raises:
        RunError: a file that the option does not have; a user's own dataset whose option is not at hand.
    """
    stored = {key: node[key] for key in SOURCES if key in node}
    if not stored:
        return {}, None
    names = [option, *locate.options("dataset")]
    known = (locate.node("dataset", name)[0] for name in names if name)
    today = next((content for content in known if content.get("_target_") == node["_target_"]), None)
    if today is None:
        raise RunError(
            f"{where}: the files of {node['_target_']} are downloaded as its option says, not as a run does. Give the "
            "folder of the option with --config-dir."
        )
    official = {key: today[key] for key in stored if key in today}
    names = {entry["name"] for entry in official.get("files", [])}
    named = {str(entry["name"]) for entry in stored.get("files") or [] if isinstance(entry, dict) and "name" in entry}
    if strange := sorted(named - names):
        raise RunError(
            f"{where}: dataset.files names {strange[0]}, which is no file of this dataset. If the run was trained with "
            "an option of yours, give its folder with --config-dir."
        )
    changed = [key for key, value in official.items() if value != stored[key]]
    words = f"{where} says otherwise of dataset.{' and '.join(changed)} than the option of today, which is used."
    return official, words if changed else None


def _settings(path: str, group: str, node: dict, where: str, today: dict) -> set[str]:
    """What a part's node must hold; of a user's own part that cannot be known.

    Args:
        today: the option's node as it is now; it sets some of what other parts are told at run time.
    """
    target = node["_target_"]
    if target.partition(".")[0] != "vaelab":
        return set()
    found = signature.settings(target) if target in trust.built_in(group) else None
    if found is None:
        raise RunError(
            f"{where}: {path} is {target}, which this vaelab does not have. The run was made by another version, or "
            "the file was edited."
        )
    shared = set(schema.SHARED) if path == "dataset" else set()
    wanted = set(found) - schema.RUNTIME | set(found) & set(today) | shared
    _refuse_unknown(path, settings(node).keys() - set(found) - shared, wanted, where)
    return wanted


def _refuse_unknown(path: str, unknown: set[str], known: set[str], where: str) -> None:
    if unknown:
        name = sorted(unknown)[0]
        raise RunError(
            f"{where}: {path}.{name} is no setting of this vaelab; the run was made by another version, or the "
            f"file was edited. {nearest(name, known)}"
        )


def _option_of(group: str, option: str, target: str) -> str | None:
    """The recorded option if it still is of this target, else one that is, else None."""
    candidates = [option, *locate.options(group)]
    return next((o for o in candidates if locate.node(group, o)[0].get("_target_") == target), None)


def _plain(value, cfg):
    """A value from yaml; what refers to another setting is looked up, what refers elsewhere is null."""
    if isinstance(value, dict):
        return {k: _plain(v, cfg) for k, v in value.items()}
    if isinstance(value, str) and value.startswith("${"):
        found: Any = cfg
        for key in value[2:-1].split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found
    return copy.deepcopy(value)
