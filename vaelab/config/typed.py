"""The words of a command line as they were typed: put into Hydra's syntax, or refused with the way to type them."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaelab.config import locate
from vaelab.errors import ConfigError

# What Hydra's --cfg and --info may be followed by.
SHOWN = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
SHORT = {
    "-m": "--multirun", "-c": "--cfg", "-i": "--info", "-p": "--package", "-cd": "--config-dir", "-h": "--help",
    "-q": "--quiet",
}  # fmt: skip
OPTIONS = ("--multirun", "--cfg", "--info", "--resolve", "--package")  # of commands with a run folder
# Functions that may stand behind a key in a sweep, and how they are written.
FUNCTIONS = {
    "choice": "choice(1,2,4)",
    "range": "range(0,10,2) with start, end and step, the end left out",
    "interval": "interval(0,1) with two numbers",
    "glob": "glob(conv*), for the options of a group",
    "shuffle": "shuffle(1,2,3) or shuffle(range(0,10))",
    "sort": "sort(3,1,2) or sort(3,1,2,reverse=true)",
    "tag": "tag(name,choice(1,2))",
    "int": "int(3.0)", "float": "float(3)", "str": "str(3)", "bool": "bool(1)",
}  # fmt: skip
KEY = re.compile(r"[A-Za-z_$][\w$-]*(?:[./][A-Za-z0-9_$][\w$-]*)*", re.ASCII)
LOOK_ALIKE = str.maketrans(
    {
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’‚", "'"),
        **dict.fromkeys("–—−‐‑", "-"),
        "\u00a0": " ",
        **dict.fromkeys("\u200b\ufeff"),
    }
)
LONGEST = 20_000  # characters of a word; Hydra takes seconds to read as many
PAIRS = {'"': '"', "'": "'", "[": "]", "{": "}", "(": ")"}


def split(
    command: str, typed: list[str], runs_under_hydra: bool, meant: Callable[[str], str | None] = str
) -> tuple[list[str], list[str], list[str]]:
    """(Hydra's options with their values, overrides in Hydra's syntax, folders of --config-dir), wherever they stand.

    Args:
        meant: function (a name that was typed) -> the setting of this command that it stands for, None for none.

    Raises:
        ConfigError: a word is neither; says how what was meant is typed.
    """
    options, overrides, folders = [], [], []
    known = OPTIONS if runs_under_hydra else ()
    words = list(typed)
    for word in words:
        _refuse_unprintable(word)
    while words:
        word = words.pop(0)
        plain = _plain(word)
        if word != plain and plain.startswith("-"):
            raise ConfigError(f"'{shown(word)}' begins with a character that only looks like a dash: type {plain}")
        if not word.startswith("-"):
            overrides.append(_override(command, word, words, meant))
            continue
        name, equals, value = word.partition("=")
        long = SHORT.get(name, name)
        if long == "--config-dir":
            folders.append(value or _following(name, words, "a folder"))
        elif long == "--quiet" and not equals:
            overrides.append("quiet=true")
        elif long == "--help" and not equals:
            options.append(long)
        elif long in known and long in ("--cfg", "--info"):
            chosen = value if equals else words.pop(0) if words and words[0] in SHOWN[long] else ""
            if long == "--info" and not equals and not chosen:
                chosen = "all"
            if chosen not in SHOWN[long]:
                got = chosen or (words[0] if words else "nothing")
                raise ConfigError(f"{name}: expected one of {', '.join(SHOWN[long])} after it, got {shown(got)}.")
            options += [long, chosen]
        elif long in known and long == "--package":
            options += [long, value or _following(name, words, "the name of a node, as in --package trainer")]
        elif long in known and not equals:
            options.append(name if name == "-m" else long)
        else:
            raise ConfigError(_no_option(command, word, words, known, meant))
    _refuse_combinations(options)
    return options, overrides, folders


def shown(value, length: int = 80) -> str:
    """A value as it may be typed, shortened: null, true, 'text', [1, 2]."""
    text = value if isinstance(value, str) else _yaml(value)
    return text if len(text) <= length else f"{text[: length // 2]}... ({len(text):,} characters)"


def quoted(value) -> str:
    """`shown`, a text in quotes."""
    return f"'{shown(value)}'" if isinstance(value, str) else shown(value)


def _yaml(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return str(value)


def parse(overrides: list[str]) -> list[Any]:
    """Hydra's `Override` of each word.

    Raises:
        ConfigError: one of them cannot be read.
    """
    found = {word: _parsed(word) for word in overrides}
    if bad := next((word for word, parsed in found.items() if parsed is None), None):
        raise ConfigError(_unreadable(bad))
    return [found[word] for word in overrides]


def repeated(overrides: list[str]) -> list[str]:
    """A note on each word that a later one makes void."""
    notes, seen = [], {}
    for word in overrides:
        key = word.lstrip("+~").partition("=")[0]
        if key in seen and seen[key] != word:
            notes.append(f"{shown(seen[key])} is not used: {shown(word)} comes after it.")
        seen[key] = word
    return notes


# -- one word -----------------------------------------------------------------------------------------------------


def _override(command: str, word: str, following: list[str], meant) -> str:
    """The word in Hydra's syntax."""
    body = re.sub(r"^(\+{1,2}|~)", "", word)
    sign = word[: len(word) - len(body)]
    key, equals, value = body.partition("=")
    key, at, package = key.partition("@")
    if not equals and sign == "~" and KEY.fullmatch(key):
        return word
    if not equals:
        raise ConfigError(_no_setting(command, word, following, meant))
    if key != key.strip() or (not value and following and _is_bare(following[0])):
        value = value.strip() or (following[0] if following and _is_bare(following[0]) else "value")
        raise ConfigError(f"'{shown(word)}': no spaces beside the =. Type {sign}{shown(key.strip())}={shown(value)}")
    if not KEY.fullmatch(key) or len(key) > 200 or (at and package and not KEY.fullmatch(package.replace(":", "."))):
        raise ConfigError(_no_key(word, key))
    if at:
        raise ConfigError(f"'{shown(word)}': options have fixed places here, @ moves none. Type {key}={shown(value)}")
    if not value and sign != "~":
        raise ConfigError(f"{key}=: nothing stands behind the =. For no value at all type {key}=null")
    return f"{sign}{key}={_value(key, value)}" if value else word


def _value(key: str, value: str) -> str:
    """A value that Hydra can read. A text with characters it does not know is put in quotes."""
    inner = _plain(value).strip()
    if inner != value.strip() and len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "\"'":
        raise ConfigError(f"{key}={shown(value)}: the quotes are curly ones. Type {key}={shown(inner[1:-1])}")
    return _readable(key, value)


def _readable(key: str, value: str) -> str:
    if _quick(value) or _parsed(f"{key}={value}") is not None:
        return value
    if _structured(value):
        raise ConfigError(_unreadable(f"{key}={value}"))
    if "," in value and all(re.fullmatch(r"[^\[\]{}()'\"]*", part) for part in value.split(",")):
        parts = value.split(",")  # several values, of which one at least is a text that needs quotes
        if not all(part.strip() for part in parts):
            raise ConfigError(f"{key}={shown(value)}: there is nothing between two commas or beside one.")
        return ",".join(_readable(key, part) for part in parts)
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text=value, quote=Quote.double).with_quotes()


def _quick(value: str) -> bool:
    """What needs no parser: a name, a number, a path; or a flat list of them."""
    return re.fullmatch(r"\[?[A-Za-z0-9_./+-]+(,[A-Za-z0-9_./+-]+)*\]?", value) is not None and (
        value.startswith("[") == value.endswith("]")
    )


def _parsed(word: str):
    """Hydra's `Override`; None where the word cannot be read."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(word)
    except (HydraException, ValueError, TypeError, OverflowError):
        return None
    except RecursionError:
        raise ConfigError(f"{shown(word)}: nested too deeply.") from None


def _structured(value: str) -> bool:
    """Whether it was meant to be more than a text: a list, a mapping, a text in quotes, a function, a reference."""
    function = re.match(r"(\w+)\s*\(", value)
    return value.lstrip()[:1] in {"[", "{", '"', "'"} or "${" in value or bool(function and function[1] in FUNCTIONS)


# -- what is wrong with it ----------------------------------------------------------------------------------------


def _unreadable(word: str) -> str:
    """Why a value cannot be read, and how it is written."""
    key, _, value = word.partition("=")
    where = shown(word)
    function = re.match(r"(\w+)\s*\(", value)
    left_open = _left_open(value)
    if left_open in ("'", '"'):
        return f"{where}: the quote {left_open} is not closed (or a shell has taken its partner: quote the whole word)."
    if left_open:
        return f"{where}: the bracket {left_open} is not closed."
    if function and function[1] in FUNCTIONS:
        return f"{where}: expected {FUNCTIONS[function[1]]}."
    if value.lstrip().startswith("{"):
        return f"{where}: a mapping is written {key}={{name: value, other: value}}, in quotes for the shell."
    if value.lstrip().startswith("["):
        return f"{where}: a list is written {key}=[a,b]; a text with other characters in it stands in quotes."
    return f"{where} cannot be read. A text with special characters stands in quotes: '{key}=\"some text\"'"


def _left_open(value: str) -> str | None:
    """The first bracket or quote that is opened and never closed."""
    opened, at = [], 0
    while at < len(value):
        character = value[at]
        if character == "\\":
            at += 1
        elif opened and opened[-1] in "\"'":
            if character == opened[-1]:
                opened.pop()
        elif opened and character == PAIRS[opened[-1]]:
            opened.pop()
        elif character in PAIRS:
            opened.append(character)
        at += 1
    return opened[0] if opened else None


def _no_key(word: str, key: str) -> str:
    plain = _plain(word)
    if KEY.fullmatch(_plain(key).strip()) and _plain(key) != key:
        return f"'{shown(word)}' has characters that only look like plain ones: type {shown(plain)}"
    if not key:
        return f"'{shown(word)}': expected the name of a setting before the =, as in latent_dim=5"
    if re.match(r"[\w.]+\[", key):
        name = key.partition("[")[0]
        return f"'{shown(word)}': an entry of a list cannot be set alone. Type the whole list: {name}=[...]"
    return f"'{shown(key)}' is not a setting. Names of settings are letters, digits, _ and dots, as in trainer.epochs"


def _no_setting(command: str, word: str, following: list[str], meant) -> str:
    """About a word without =."""
    plain, start = _plain(word), f"'{shown(word)}' is not of the form key=value"
    if plain != word and "=" in plain:
        return f"{start}: it has a character that only looks like =. Type {shown(plain)}"
    if (found := re.fullmatch(r"([A-Za-z_][\w.]*)\s*[:\s]\s*(\S.*)", plain)) is not None:
        return f"{start}. Type {meant(found[1]) or found[1]}={shown(found[2])}"
    if groups := [group for group in locate.groups() if plain in locate.options(group)]:
        return f"{start}. Type {' or '.join(f'{group}={plain}' for group in groups)}"
    if meant("run") == "run" and (plain == "latest" or (Path(word) / "config.yaml").is_file()):
        return f"{start}. Type run={shown(word)}"
    if following and KEY.fullmatch(plain):
        if following[0] == "=" and len(following) > 1:
            return f"'{shown(word)} = {shown(following[1])}': no spaces beside the =. Type {word}={shown(following[1])}"
        if following[0].startswith("=") and len(following[0]) > 1:
            return f"'{shown(word)} {shown(following[0])}': no spaces beside the =. Type {word}{shown(following[0])}"
        if _is_bare(following[0]) and (setting := meant(plain)):
            return f"{start}. Type {setting}={shown(following[0])}"
    return f"{start}, as in latent_dim=5. vaelab {command} --help shows every setting."


def _no_option(command: str, word: str, following: list[str], known, meant) -> str:
    """About a word that begins with a dash and is no option."""
    import difflib

    name, equals, value = word.lstrip("-").partition("=")
    value = value if equals else following[0] if following and _is_bare(following[0]) else "value"
    there = [*known, "--config-dir", "--quiet", "--help"]
    if name in ("config-name", "cn", "config-path", "cp"):
        return f"{word}: vaelab reads conf/{command}.yaml. Options of your own come from a folder: --config-dir DIR."
    close = difflib.get_close_matches(word.partition("=")[0], there, n=1, cutoff=0.7)
    if KEY.fullmatch(name) and not close and (setting := meant(name)):
        return f"{shown(word)}: settings are typed without dashes: {setting}={shown(value)}"
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(there)}."
    dashes = f" Settings have no dashes: {name}=value." if not close and KEY.fullmatch(name) and len(name) > 1 else ""
    return f"vaelab {command} has no option {shown(word)}. {hint}{dashes}"


def _refuse_combinations(options: list[str]) -> None:
    modes = sorted({SHORT.get(o, o) for o in options} & {"--multirun", "--cfg", "--info"})
    if len(modes) > 1:
        raise ConfigError(f"{' and '.join(modes)} do not go together: one shows, the other does something else.")
    for option in ("--resolve", "--package"):
        if option in options and "--cfg" not in options:
            raise ConfigError(f"{option} belongs to --cfg: type --cfg job before it.")


def _refuse_unprintable(word: str) -> None:
    if len(word) > LONGEST:
        raise ConfigError(
            f"{shown(word)}: words of up to {LONGEST:,} characters are read. A longer list belongs into an option of "
            "your own: --config-dir DIR."
        )
    bad = next((c for c in word if unicodedata.category(c) in ("Cc", "Cs") and c != "\t"), None)
    if bad is not None:
        kind = "is not UTF-8" if unicodedata.category(bad) == "Cs" else f"holds a control character ({bad!a})"
        raise ConfigError(f"{shown(word)!a} {kind}. Type it without.")


def _following(option: str, words: list[str], what: str) -> str:
    if not words or not words[0]:
        raise ConfigError(f"{option}: expected {what} after it.")
    return words.pop(0)


def _is_bare(word: str) -> bool:
    return bool(word) and "=" not in word and not word.startswith("--")


def _plain(text: str) -> str:
    """The text with full-width letters, curly quotes and long dashes made plain ones."""
    return unicodedata.normalize("NFKC", text.translate(LOOK_ALIKE))
