"""What the yamls of `conf/` say in comments: at the head what an option is, beside a setting what it does.

The head of `conf/<group>/<option>.yaml`: a sentence, more of them, and lines of a kind of their own:

    # @package metrics.ais
    # -log p(x) by annealed importance sampling, in nats per image.
    # paper: Wu et al., 2017
    # cost: minutes for 100 images
    # vaelab evaluate run=R metric=[ais]
"""

import re
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import yaml

from vaelab.config import locate
from vaelab.errors import visible


class Head(NamedTuple):
    """What an option is in one sentence, what else is said of it, who published it, what it costs, commands."""

    sentence: str
    more: str
    paper: str | None
    cost: str | None
    commands: list[str]


def head(path: Path) -> Head:
    """What a yaml says of itself; empty where it has no comments."""
    said, tags, commands = [], {}, []
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in takewhile(lambda line: line.startswith("#"), text.splitlines()):
        body = visible(line.lstrip("#").strip())
        tag, colon, rest = body.partition(": ")
        if colon and tag in ("paper", "cost"):
            tags[tag] = rest
        elif body.startswith("vaelab "):
            commands.append(body)
        elif not body.startswith("@package"):
            said.append(body)
    sentence, *more = re.split(r"(?<=\.)\s+", " ".join(said), maxsplit=1)
    return Head(sentence, "".join(more), tags.get("paper"), tags.get("cost"), commands)


def of_option(group: str, option: str) -> dict[str, str]:
    """{setting: its comment} of an option, those that it shares with others among them."""
    path = locate.option_file(group, option)
    if path is None:
        return {}
    found = {}
    for entry in locate.content(path).get("defaults", ["_self_"]):
        if isinstance(entry, str):
            folder, _, name = entry.partition("@")[0].rpartition("/")
            found |= beside(path) if name == "_self_" else of_option(folder.strip("/") or group, name)
    return found


def beside(path: Path) -> dict[str, str]:
    """{dotted setting: its comment} of a yaml file."""
    return _beside(path, path.stat().st_mtime_ns)


@cache
def _beside(path: Path, changed: int) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    return dict(_walk(yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), lines, ""))


def _walk(node, lines: list[str], above: str):
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        mark = key.end_mark if block or value.end_mark.line >= len(lines) else value.end_mark
        own = re.match(r":?\s*#\s*(.*)", lines[mark.line][mark.column :])
        if own:
            following = (re.match(r"\s+#\s*(.*)", line) for line in lines[mark.line + 1 :])
            said = [own, *takewhile(bool, following)]
            yield above + key.value, visible(" ".join(found[1] for found in said))
        if block:
            yield from _walk(value, lines, f"{above}{key.value}.")
