"""`vaelab completion bash`: completion of commands, groups, options and settings."""

import logging
import os

from vaelab.config import locate, typed
from vaelab.errors import ConfigError
from vaelab.system.streams import output

log = logging.getLogger(__name__)

BASH = r"""_vaelab_complete() {
    local IFS=$'\n'
    COMPREPLY=($(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" vaelab -sc query=bash 2>/dev/null))
    if [[ "${#COMPREPLY[@]}" == 1 && "${COMPREPLY[0]}" == *[=./] ]]; then compopt -o nospace; fi
}
complete -o nospace -F _vaelab_complete vaelab
export COMP_WORDBREAKS="${COMP_WORDBREAKS//=}"
"""


def run(rest: list[str]) -> int:
    """Prints the script a shell evaluates; ConfigError for shells there is none for."""
    shell = rest[0] if rest else "bash"
    if shell != "bash":
        raise ConfigError(f"vaelab completion: expected bash, got '{shell}'.")
    output(BASH, end="")
    return 0


def answer() -> int:
    """Candidates for the word under the cursor, one a line; called by the shell on every Tab."""
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", 10**6))]
    words = line.split()
    word = "" if not words or line.endswith(" ") else words.pop()
    with locate.config_dirs(_config_dirs(words[1:])):
        for candidate in candidates(words[1:], word):
            output(candidate)
    return 0


def _config_dirs(before: list[str]) -> list[str]:
    """The folders of --config-dir among the words before."""
    try:
        return typed.split(before[0], before[1:], runs_under_hydra=True)[2] if before else []
    except ConfigError:  # not typed to its end
        return []


def candidates(before: list[str], word: str) -> list[str]:
    """What may stand where `word` begins, after the words `before` (without the program's name)."""
    from vaelab.config import compose
    from vaelab.config.commands import COMMANDS, FIRST_WORD, HYDRA_RUN, JSON

    if not before:
        return [c for c in COMMANDS if c.startswith(word)]
    command = before[0]
    if command == "completion":
        return [s for s in ("bash",) if s.startswith(word)]
    if command in FIRST_WORD and len(before) == 1 and "=" not in word and not word.startswith("-"):
        return [w for w in _first_words(command) if w.startswith(word)]
    if not (locate.conf_dir() / f"{command}.yaml").is_file():
        return []
    typed_before = [w for w in before[1:] if "=" in w and not w.startswith("-")]
    try:
        with compose._hydra():
            settings = compose._known_keys(command, typed_before)
    except Exception:  # a shell must not see a traceback on Tab
        log.error(f"no completion for {command}")
        return []
    groups = [g for g in locate.groups() if g in locate.chosen(command)]
    key, equals, value = word.partition("=")
    if equals and key in groups:
        head, bracket, tail = value.rpartition("," if "," in value else "[")
        return sorted(f"{key}={head}{bracket}{o}" for o in locate.options(key) if o.startswith(tail))
    if key == "run" and equals:
        return _runs(value, typed_before)
    if equals:
        return _values(command, key, value)
    depth = word.count(".")
    nodes = {setting.rpartition(".")[0] for setting in settings}
    found = {f"{g}=" for g in groups if g.startswith(word)}
    found |= {f"{s}." if s in nodes else f"{s}=" for s in settings if s.startswith(word) and s.count(".") == depth}
    if word.startswith("-"):
        there = ["--config-dir", "--quiet", "--help"]
        there += ["-m", "--cfg", "--info"] if command in HYDRA_RUN else []
        found |= {o for o in [*there, *(["--json"] if command in JSON else [])] if o.startswith(word)}
    return sorted(found)


def _first_words(command: str) -> list[str]:
    from vaelab.config.commands import VERBS

    if command == "list":
        return locate.groups()
    if command == "explain":
        from vaelab.commands.explain import glossary

        return list(glossary())
    return list(VERBS[command])


def _runs(value: str, before: list[str]) -> list[str]:
    """Run folders, the newest among them as `latest`; several in brackets."""
    from vaelab.records.run_folder import all_runs

    output_dir = next((w.partition("=")[2] for w in reversed(before) if w.startswith("output_dir=")), "outputs")
    head, bracket, tail = value.rpartition("," if "," in value else "[")
    names = ["latest", *map(str, all_runs(output_dir))]
    return [f"run={head}{bracket}{name}" for name in names if name.startswith(tail)]


def _values(command: str, key: str, value: str) -> list[str]:
    """Closed choices of a setting (booleans, literals), read from the schema."""
    from typing import Literal, get_args, get_origin

    from vaelab.config import schema

    top, _, name = key.rpartition(".")
    types = schema.CLOSED.get(top, {}) if top else schema.top_level(command, [key])
    annotation = types.get(name)
    words = (
        ["true", "false"] if annotation is bool else get_args(annotation) if get_origin(annotation) is Literal else []
    )
    return [f"{key}={w}" for w in words if w.startswith(value)]
