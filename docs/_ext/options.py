"""The reference of options, read from conf/: one page per group, one entry per yaml.

A yaml's comments are its documentation, here as in `--help`:

* the comment at the top says what the option is; in it `paper: ...` and `cost: ...` are lines of their own, a line
  `vaelab ...` is an example, and "(Name, 2014)" is a paper, too;
* a comment behind a setting, with the lines that go on with it, or the lines above a setting, say what it does.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
CONTRACTS = ROOT / "vaelab" / "contracts.py"
PICTURES = Path(__file__).resolve().parents[1] / "gallery"
EXAMPLE = re.compile(r"(?:^|(?<=[.:;,] ))vaelab [a-z-]+ .*$")
PAPER = re.compile(r"\(([^()]*[A-Z][^()]*\b(?:19|20)\d\d\b[^()]*)\)")
MANY = {"metric": "metrics", "plot": "plots", "score": "scores"}  # groups of which several are chosen: [a,b]
ASKED_BY = {"metric": "evaluate", "plot": "plot", "score": "score"}
KINDS = {  # what is no part of a model, in the order of the page; what is not named comes between
    "Data": ("dataset", "condition", "base"),
    "Model": ("model", "prior", "posterior", "likelihood", "structure"),
    "Training": ("objective", "beta_schedule", "capacity_schedule", "learning_rate_schedule", "trainer", "tracking"),
    "Results": ("metric", "plot", "score", "explorer"),
    "Sweeps and recipes": ("experiment", "sweep", "hydra/launcher", "hydra/sweeper"),
}
COMMANDS = "commands"


@dataclass
class Option:
    """What a yaml says of itself."""

    name: str
    group: str  # COMMANDS for conf/<command>.yaml
    file: str
    text: str = ""
    papers: list[str] = field(default_factory=list)
    cost: str = ""
    examples: list[str] = field(default_factory=list)
    package: str = ""
    takes: list[str] = field(default_factory=list)  # other options, of its defaults list
    part: str = ""  # _target_
    settings: list[tuple[str, str, str]] = field(default_factory=list)  # name as typed, default, comment

    @property
    def label(self) -> str:
        return f"option-{self.group}-{self.name}".replace("/", "-").replace("_", "-")


def options(conf: Path = CONF) -> dict[str, list[Option]]:
    """{group: its options}, every yaml below conf once."""
    found: dict[str, list[Option]] = {}
    for file in sorted(conf.rglob("*.yaml")):
        group = file.parent.relative_to(conf).as_posix()
        found.setdefault(COMMANDS if group == "." else group, []).append(read(file, conf))
    return found


def read(file: Path, conf: Path = CONF) -> Option:
    """An option from its file."""
    source = file.read_text(encoding="utf-8")
    group = file.parent.relative_to(conf).as_posix()
    option = Option(file.stem, COMMANDS if group == "." else group, file.relative_to(conf.parent).as_posix())
    _read_head(option, source)
    node = yaml.compose(source)
    if isinstance(node, yaml.MappingNode):
        _read_settings(option, node, source.splitlines(), _prefix(option), top=True)
    return option


def _prefix(option: Option) -> str:
    """What stands before a setting when it is typed."""
    if option.package:
        return "" if option.package == "_global_" else f"{option.package}."
    if option.group in (COMMANDS, "sweep") or option.name == "derived_latent_dim":
        return ""
    return "dataset." if option.group == "base" else option.group.replace("/", ".") + "."


def _read_head(option: Option, source: str) -> None:
    kept: list[str] = []
    known = {"paper": option.papers, "cost": (cost := [])}
    goes_on = kept
    for line in source.splitlines():
        if not line.startswith("#"):
            break
        line = line[1:]
        if (named := re.match(r"\s*@package\s+(\S+)", line)) is not None:
            option.package = named[1]
            continue
        text = line.strip()
        if (said := re.match(r"(paper|cost)s?:\s*(.*)", text, re.I)) is not None:
            goes_on = known[said[1].lower()]
            goes_on.append(said[2])
        elif goes_on is not kept and line.startswith("   "):
            goes_on[-1] += " " + text
        else:
            goes_on = kept
            if option.group != COMMANDS and (example := EXAMPLE.search(text)) is not None:
                option.examples.append(example[0])
                text = text[: example.start()].rstrip()
            kept.append(text)
    option.text, option.cost = " ".join(filter(None, kept)), " ".join(cost)
    if not option.papers:
        option.papers = [p for p in PAPER.findall(option.text) if "settings of" not in p]


def _read_settings(option: Option, node: yaml.MappingNode, lines: list[str], prefix: str, top: bool = False) -> None:
    for key, value in node.value:
        name, row = key.value, key.start_mark.line
        if top and name == "defaults" and isinstance(value, yaml.SequenceNode):
            option.takes = [t for entry in value.value if (t := _taken(entry))]
        elif name == "_target_":
            option.part = value.value
        elif isinstance(value, yaml.MappingNode) and not value.flow_style:
            column = key.start_mark.column
            if said := _behind(lines, row, key.end_mark.column + 1, column) or _above(lines, row, column):
                option.settings.append((prefix + name, "", said))
            _read_settings(option, value, lines, f"{prefix}{name}.")
        else:
            column, end = key.start_mark.column, value.end_mark
            if isinstance(value, yaml.SequenceNode) and not value.flow_style:
                said = _within(lines[row : end.line])
            else:
                said = _behind(lines, end.line, end.column, column)
            said = said or _above(lines, row, column)
            option.settings.append((prefix + name, _default(value, lines), said))


def _taken(entry: yaml.Node) -> str:
    """An entry of a defaults list as it is typed: model=dense; "" for _self_ and empty ones."""
    if isinstance(entry, yaml.MappingNode):
        ((key, value),) = entry.value
        group = re.sub(r"^override\s+", "", key.value).lstrip("/")
        chosen = "[" + ",".join(v.value for v in value.value) + "]" if value.id == "sequence" else value.value
        return "" if chosen == "null" else f"{group}={chosen}"
    return "" if entry.value == "_self_" else entry.value.lstrip("/").partition("@")[0]


def _default(value: yaml.Node, lines: list[str]) -> str:
    """A setting's value as written; how many, where it is a list over several lines."""
    first, last = value.start_mark, value.end_mark
    if isinstance(value, yaml.SequenceNode) and not value.flow_style:
        return f"{len(value.value)} entries"
    if first.line == last.line:
        return lines[first.line][first.column : last.column]
    text = [lines[first.line][first.column :], *lines[first.line + 1 : last.line], lines[last.line][: last.column]]
    return " ".join(t.strip() for t in text)


def _behind(lines: list[str], row: int, column: int, indent: int) -> str:
    """The comment at the end of a line, and the comments below it that start further right than the setting."""
    said = re.match(r"\s*#\s?(.*)", lines[row][column:])
    if said is None:
        return ""
    found = [said[1]]
    for line in lines[row + 1 :]:
        more = re.match(r"(\s*)#\s?(.*)", line)
        if more is None or len(more[1]) <= indent:
            break
        found.append(more[2])
    return " ".join(t.strip() for t in found)


def _within(lines: list[str]) -> str:
    """All comments of a list over several lines."""
    return " ".join(said[1].strip() for line in lines if (said := re.search(r"(?:^|\s)#\s(.*)", line)))


def _above(lines: list[str], row: int, indent: int) -> str:
    """The comments right above a setting, at its own indentation; not the head of the file."""
    found = []
    while row > 0 and (said := re.match(r"(\s*)#\s?(.*)", lines[row - 1])) and len(said[1]) == indent:
        found.append(said[2])
        row -= 1
    return " ".join(reversed(found)) if row > 0 else ""


# -- pages ------------------------------------------------------------------------------------------------------------


def plain(text: str, cell: bool = False) -> str:
    """Text of a comment in Markdown: what is between backticks is code, nothing else is markup."""
    parts = re.split(r"(`[^`]*`)", text)
    shown = [p if n % 2 else re.sub(r"([\\`*_\[\]<>{}$#~^|])", r"\\\1", p) for n, p in enumerate(parts)]
    return "".join(p.replace("|", r"\|") if cell and n % 2 else p for n, p in enumerate(shown))


def code(text: str) -> str:
    """A code span, also in a table."""
    return f"`{text}`".replace("|", r"\|") if text else ""


def pages(conf: Path = CONF, pictures: Path = PICTURES) -> dict[str, str]:
    """{document below reference/options: its Markdown}."""
    found = options(conf)
    written = {_document(group): _page(group, of_group, pictures) for group, of_group in found.items()}
    return {**written, "index": _index(found)}


def _document(group: str) -> str:
    return group.replace("/", "_")


def _index(found: dict[str, list[Option]]) -> str:
    named = {group for groups in KINDS.values() for group in groups}
    kinds = {**KINDS, "Other": [g for g in found if g not in named and g != COMMANDS]}
    text = [
        "# Options",
        "A group has options, an option has settings. `group=option` chooses, `group.setting=value` sets; metrics,",
        "pictures and scores are chosen several at a time: `metric=[elbo,nll]`. The pages are made from the files in",
        "`conf/`, which are what the program reads: every default here is the one in force.",
    ]
    for kind, groups in kinds.items():
        there = [group for group in groups if group in found]
        if there:
            text += ["", f"## {kind}", "", "| group | options |", "|---|---|"]
        for group in there:
            names = ", ".join(f"[{o.name}](#{o.label})" for o in found[group])
            text.append(f"| [{code(group)}]({_document(group)}.md) | {names} |")
    shown = [g for groups in kinds.values() for g in groups if g in found]
    text += ["", "```{toctree}", ":hidden:", "", *map(_document, shown), "```", ""]
    return "\n".join(text)


def _page(group: str, of_group: list[Option], pictures: Path) -> str:
    if group == COMMANDS:
        text = ["# Commands", "", "`vaelab COMMAND --help` prints the same. A setting is typed as `name=value`.", ""]
        return "\n".join([*text, *(line for o in of_group for line in _entry(o, pictures))])
    text = [f"# {group}", ""]
    if (words := _contract(group)) is not None:
        text += [f"{plain(words[0].upper() + words[1:])} [Contract](../contracts.md)", ""]
    papers = sum(bool(o.papers) for o in of_group) * 2 >= len(of_group)  # else an empty column
    text += ["| option | what |" + (" paper |" if papers else ""), "|---|---|" + ("---|" if papers else "")]
    for o in of_group:
        what = re.split(r"(?<=[.]) (?=[A-Z`])", o.text, maxsplit=1)[0]
        cells = [
            f"[{o.name}](#{o.label})",
            plain(what, True),
            *(["; ".join(plain(p, True) for p in o.papers)] * papers),
        ]
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join([*text, "", *(line for o in of_group for line in _entry(o, pictures))])


def _entry(o: Option, pictures: Path) -> list[str]:
    text = [f"({o.label})=", f"## {'vaelab ' if o.group == COMMANDS else ''}{o.name}", "", plain(o.text), ""]
    picture = next(iter(sorted(pictures.glob(f"{o.name}.*"))), None) if o.group == "plot" else None
    if picture is not None:
        text += [f"![{o.name}](../../gallery/{picture.name})", ""]
    said = {"Paper": "; ".join(plain(p) for p in o.papers if p not in o.text), "Cost": plain(o.cost)}
    said["Takes"] = ", ".join(_linked(t) for t in o.takes)
    said["Code"] = code(o.part)
    said["File"] = code(o.file)
    text += [f"{title}\n: {value}\n" for title, value in said.items() if value]
    text += [f"```text\n{line}\n```\n" for line in o.examples or _typed(o)]
    if o.settings:
        text += ["| setting | default | |", "|---|---|---|"]
        text += [f"| {code(n)} | {code(default)} | {plain(said, True)} |" for n, default, said in o.settings]
    return [*text, ""]


def _linked(taken: str) -> str:
    """Another option: a link where it is a whole option, else its words."""
    group, _, name = taken.rpartition("=") if "=" in taken else taken.rpartition("/")
    known = (CONF / group / f"{name}.yaml").is_file() and bool(group)
    return f"[{taken}](#{Option(name, group, '').label})" if known else code(taken)


def _typed(o: Option) -> list[str]:
    """How an option is asked for, where its file gives no example."""
    if o.group in MANY:
        return [f"vaelab {ASKED_BY[o.group]} run=latest {o.group}=[{o.name}]"]
    if o.group in (COMMANDS, "base"):
        return []
    if o.group == "experiment":
        return [f"vaelab reproduce experiment={o.name}"]
    if o.group == "hydra/launcher":
        return [f"vaelab train -m seed=0,1,2 cluster={o.name}"]
    return [f"vaelab train -m beta=1,4 {o.group}={o.name}" if "/" in o.group else f"vaelab train {o.group}={o.name}"]


def _contract(group: str) -> str | None:
    """What the group's contract says in its first paragraph; None where it has none."""
    tree = ast.parse(CONTRACTS.read_text(encoding="utf-8"))
    tables = [n.value for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "BY_GROUP"]
    classes = {k.value: v.id for table in tables for k, v in zip(table.keys, table.values)}
    node = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == classes.get(group)), None)
    words = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ") if node else ""
    return words.partition(": ")[2] or None if words.startswith("`conf/") else None


def write(folder: Path) -> None:
    """Writes the pages; files that are as they should be stay, so that only what changed is built again."""
    written = pages()
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.md"):
        if file.stem not in written:
            file.unlink()
    for name, text in written.items():
        file = folder / f"{name}.md"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "reference" / "options"))
    return {"parallel_read_safe": True}
