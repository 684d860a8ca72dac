"""Commands that are printed, as a shell and Hydra take them."""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

PLAIN = re.compile(r"[A-Za-z0-9_./:@%+-]+")  # what Hydra reads as it stands

NO_TEXT = re.compile(r"null|true|false|[+-]?(nan|inf|[\d_.]+(e[+-]?\d+)?)", re.IGNORECASE)  # read as something else


def setting(key: str, value) -> str:
    """`key=value` in Hydra's syntax, the value as `written`."""
    return f"{key}={written(value)}"


def written(value) -> str:
    """A Python value in Hydra's syntax: null, true, 0.5, [1,2], {a:1}, a text with other characters in quotes."""
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | range):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{written(entry)}' for key, entry in value.items())}}}"
    text = str(value)
    if PLAIN.fullmatch(text) and not NO_TEXT.fullmatch(text):
        return text
    quoted = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{quoted}'"


def pasteable(*words: str) -> str:
    """Words in one line that a shell takes apart into the same words; lists in brackets stay as they are."""
    return " ".join(map(_for_shell, words))


def _for_shell(word: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@%+=,\[\]-]+", word):
        return word
    if "'" in word and not set(word) & set('"$`\\!'):
        return f'"{word}"'
    return shlex.quote(word)


def program() -> str:
    """What to type for this very vaelab: `vaelab` where the shell finds it, else its path, else Python's -m.

    What uvx puts on the path is there for its one command only: that is typed with uvx again.
    """
    if "UV" in os.environ and any(part.startswith("archive-v") for part in Path(sys.prefix).parts):
        return pasteable("uvx", *_source_for_uvx(), "vaelab")
    beside = Path(sys.executable).parent / "vaelab"
    found = shutil.which("vaelab")
    if found and (not beside.is_file() or Path(found).samefile(beside)):
        return "vaelab"
    if beside.is_file():
        return pasteable(from_here(beside))
    return pasteable(from_here(Path(sys.executable)), "-m", "vaelab")


def _source_for_uvx() -> list[str]:
    """--from and the folder or file it was installed from; nothing where that was the package registry."""
    from importlib.metadata import distribution

    told = distribution("vaelab").read_text("direct_url.json")
    url = json.loads(told)["url"] if told else None
    if url is None:
        return []
    place = from_here(Path(unquote(urlsplit(url).path))) if url.startswith("file:") else url
    return ["--from", place]


def from_here(path: Path) -> str:
    """A path as short as it may be typed from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # the folder one is in may be gone
        return str(path)


def key(word: str) -> str:
    """The setting or group a word of the command line is about; an option of Hydra's is its own."""
    return word if word.startswith("-") else word.lstrip("+~").partition("=")[0].partition("@")[0]


def merged(before, after) -> list[str]:
    """Words of two command lines; where both are about one setting, the later one's."""
    later = {key(w) for w in after}
    return [w for w in before if key(w) not in later] + list(after)


def of_own_parts(typed) -> list[str]:
    """Those words of a command line that a later command on the run needs, too, to find the user's own parts."""
    trusted = [w for w in typed if key(w) == "trusted"]
    return [*(w for w in typed if w.startswith("--config-dir=")), *trusted] if trusted else []
