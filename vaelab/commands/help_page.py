"""The page of `vaelab COMMAND [group=option ...] --help`: what is chosen, with the comments of its yaml.

Where options are typed, theirs alone: what each is, its paper, its settings. Else groups, settings, and all defaults.
"""

from vaelab.config import comments, compose, locate, parts, schema, typed, words
from vaelab.config.commands import COMMANDS, FIRST_WORD, JSON, VERBS
from vaelab.config.flat import flat
from vaelab.config.plain import plain, without_hydra
from vaelab.system import tables


def page(command: str, overrides: list[str]) -> str:
    """Text of the page; composing is all it costs.

    Raises:
        ConfigError: what was typed before --help cannot be composed.
    """
    if not (locate.conf_dir() / f"{command}.yaml").is_file():
        return f"vaelab {command}: {COMMANDS[command]}\n"
    single = [p.input_line for p in typed.parse(overrides) if not p.is_sweep_override()]
    recipe = {words.key(w): w.partition("=")[2] for w in single if w.startswith("sweep=")}
    with compose._hydra():
        full = compose._compose_all_problems(command, [w for w in single if words.key(w) not in recipe])
    cfg = plain(without_hydra(full), resolve=False)
    chosen = {g: o for g, o in full.hydra.runtime.choices.items() if g in locate.groups() and isinstance(o, str)}
    chosen |= {g: list(parts.chosen(cfg[node])) for g, node in schema.MULTI.items() if node in cfg} | recipe
    asked = [g for g in chosen if g in map(words.key, single)]
    if asked:
        told = [_option(group, option, cfg) for group in asked for option in _several(chosen[group])]
        told += [f"\n{text}" for group in asked if (text := _beside(group, cfg))]
        return "\n".join([*told, "", f"vaelab {command} --help: all groups and settings."])
    return "\n".join([*_top(command, cfg, chosen), *_end(command, bool(chosen))])


def _several(option) -> list[str]:
    return option if isinstance(option, list) else [option]


def _top(command: str, cfg: dict, chosen: dict) -> list[str]:
    """The page of a command without options: groups, top-level settings, the settings of what is chosen by default."""
    lines = [f"vaelab {command}: {COMMANDS[command]}", ""]
    if command in VERBS:
        lines += [f"usage: vaelab {command} {'|'.join(VERBS[command])} [key=value ...]", ""]
    elif command in FIRST_WORD:
        lines += [f"usage: vaelab {command} [{FIRST_WORD[command].upper()}]", ""]
    groups = [g for g in locate.groups() if g in {*chosen, *locate.chosen(command)}]
    if groups:
        lines += ["Groups (group=option; several options as group=[a,b] for metric, plot and score):"]
        lines += [tables.entries((group, ", ".join(locate.options(group))) for group in groups), ""]
    nodes = {schema.MULTI.get(g, g) for g in chosen}
    own = {k: v for k, v in cfg.items() if k not in nodes}
    beside = comments.beside(locate.conf_dir() / f"{command}.yaml")
    lines += ["Settings and their defaults (key=value, group.key=value):", "", _settings(own, "", beside)]
    for group in sorted(chosen):
        lines += [_option(group, option, cfg, brief=True) for option in _several(chosen[group])]
        lines += [f"\n{text}"] if (text := _beside(group, cfg)) else []
    return lines


def _beside(group: str, cfg: dict) -> str:
    """What a node of several options holds besides them (`schema.BESIDE`)."""
    node = schema.MULTI.get(group, group)
    if node not in schema.BESIDE:
        return ""
    said = comments.beside(locate.conf_dir() / "base" / f"{node}.yaml")
    return _settings(parts.beside(cfg[node]), f"{node}.", {f"{node}.{key}": text for key, text in said.items()})


def _end(command: str, groups: bool) -> list[str]:
    """What else may be typed."""
    lines = [""]
    if command == "train":
        lines += [
            "-m: one job per comma-separated value. --config-dir DIR: your own options, which win over these.",
            "--cfg job: the composed configuration. --info defaults: where each value comes from.",
        ]
    if command in JSON:
        lines += [
            "--json: one JSON document on standard output; of an error {error}:",
            tables.entries(JSON[command].items()),
        ]
    if groups:
        lines += [
            f"vaelab {command} GROUP=OPTION --help: the settings of what is chosen. vaelab list GROUP: what there is."
        ]
    return [line if line.startswith("  ") else tables.paragraph(line, indent=0) for line in lines]


def _option(group: str, option: str, cfg: dict, brief: bool = False) -> str:
    """An option's name, what it is, and its settings as composed."""
    path = locate.option_file(group, option)
    head = comments.head(path) if path else comments.Head("", "", None, None, [])
    lines = ["", tables.entries([(f"{group}={option}", head.sentence)], indent=0)]
    if not brief:
        about = [head.more, head.paper and f"paper: {head.paper}", head.cost and f"cost: {head.cost}", *head.commands]
        lines += [tables.paragraph(text) for text in about if text]
    node = schema.MULTI.get(group, group)
    if group in ("experiment", "sweep"):
        values = {k: v for k, v in (locate.content(path) if path else {}).items() if k != "defaults"}
        return "\n".join([*lines, _settings(values, "", {})])
    own = cfg.get(node, {}).get(option, {}) if group in schema.MULTI else cfg.get(node)
    above = f"{node}.{option}." if group in schema.MULTI else f"{node}."
    beside = {f"{above}{key}": text for key, text in comments.of_option(group, option).items()}
    settings = _settings({above[:-1]: own or {}}, "", beside)
    return "\n".join([*lines, settings] if settings else lines)


def _settings(values: dict, above: str, beside: dict[str, str]) -> str:
    """A line per setting: key=value, and its comment."""
    shown = [(k, v) for k, v in flat(values, above) if not k.endswith("_target_") and not _of_files(v)]
    return tables.entries((words.setting(k, v), beside.get(k, "")) for k, v in shown)


def _of_files(value) -> bool:
    """Whether a value is a table, such as a dataset's files with their checksums."""
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)
