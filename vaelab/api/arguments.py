"""Python arguments as words of the command line, so that both are read and refused in the same way."""

import logging
from pathlib import Path

from vaelab.config import schema, typed, words
from vaelab.errors import ConfigError
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

ALWAYS_A_LIST = (*schema.MULTI, "trusted")  # a list of these is one value, also in a sweep


def overrides_of(command: str, typed_words, settings: dict, *, swept: bool = False) -> tuple[list[str], list]:
    """(overrides in Hydra's syntax, folders of --config-dir) of a call's words and keyword settings.

    Args:
        command: whose settings they are.
        typed_words: as on the command line: "dataset=digits", "--config-dir=mine".
        settings: {key: value}; a mapping holds settings of that part; `config_dir` is one folder or several.
        swept: whether a list stands for one job per entry.

    Raises:
        ConfigError: a word that cannot be read.
    """
    settings = dict(settings)
    folders = settings.pop("config_dir", None) or ()
    for word in typed_words:
        if not isinstance(word, str):
            raise ConfigError(f"expected words as 'dataset=digits' and keyword settings as beta=4, got {word!r}.")
    spoken = [*typed_words, *(_word(key, value, swept) for key, value in _flat(settings))]
    options, overrides, more = typed.split(command, spoken, command == "train")
    if refused := [o for o in options if not (swept and o in ("-m", "--multirun"))]:
        instead = " vaelab.sweep(...) runs a sweep." if refused[0] in ("-m", "--multirun") else ""
        raise ConfigError(f"{refused[0]} belongs to the command line.{instead}")
    for note in typed.repeated(overrides):
        log.log(NOTE, note)
    return overrides, [*([folders] if isinstance(folders, str | Path) else folders), *more]


def _flat(settings: dict, above: str = ""):
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _word(key: str, value, swept: bool) -> str:
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    several = isinstance(value, list | tuple | range)
    if key in ALWAYS_A_LIST and not several and value is not None:
        value = [value]
    if swept and several and (key not in ALWAYS_A_LIST or (value and isinstance(value[0], list | tuple))):
        if not value:
            raise ConfigError(f"{key}=[]: a sweep needs at least one value.")
        return f"{key}={','.join(map(words.written, value))}"
    return words.setting(key, value)
