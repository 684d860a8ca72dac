"""`vaelab explain [TERM]`: the glossary, from glossary.yaml, and what options and groups are, from conf/."""

import re
from pathlib import Path

import yaml

from vaelab.config import comments, locate
from vaelab.config.nearest import nearest
from vaelab.config.typed import shown
from vaelab.errors import ConfigError
from vaelab.system import tables
from vaelab.system.streams import document, output

FILE = Path(__file__).resolve().parent.parent / "glossary.yaml"
# What an entry has, in the order in which it is told.
FIELDS = ("formula", "unit", "says", "not", "source", "see")


def run(cfg) -> None:
    """Prints a term, an option or a group, or a line per term; as json: {"terms": {term: its fields}}."""
    terms = glossary()
    if cfg.term is None:
        document(terms=terms)
        output(tables.entries((name, entry["is"]) for name, entry in terms.items()))
        return
    found = {} if cfg.term in _words(terms) else options(cfg.term)
    if not found:
        name = named(cfg.term, terms)
        found = {name: terms[name]}
    document(terms=found)
    for name, entry in found.items():
        told = [(field, str(entry[field])) for field in FIELDS if field in entry]
        output(f"{tables.paragraph(f'{name}: ' + entry['is'], indent=0)}\n{tables.entries(told)}")


def options(typed: str) -> dict[str, dict]:
    """{group=option: its entry} of the options of that name, `knn` or `score=knn`; of a group, what it has."""
    group, _, name = typed.strip().rpartition("=")
    if not group and name in locate.groups():
        return {
            name: {"is": f"Options to choose from: {', '.join(locate.options(name))}.", "see": f"vaelab list {name}"}
        }
    found = {}
    for where in locate.groups():
        path = locate.option_file(where, name) if group in ("", where) else None
        if path is not None:
            head, command = comments.head(path), "score" if where == "score" else "train"
            entry = {"is": head.sentence, "source": head.paper, "see": f"vaelab {command} {where}={name} --help"}
            found[f"{where}={name}"] = {field: said for field, said in entry.items() if said}
    return found


def glossary() -> dict[str, dict]:
    """{term: {is, formula, unit, says, not, source, see}}, what does not apply left out."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def named(typed: str, terms: dict) -> str:
    """The term that is meant: `test/ELBO`, `active units`, `nll_is500`, as it is met in files and speech.

    Raises:
        ConfigError: there is none; names the nearest term, option or group.
    """
    plain = re.sub(r"\d+$|\d+(?=_)", "", re.sub(r"[\s-]+", "_", typed.strip().lower().rpartition("/")[2]))
    plain = plain.removesuffix(".se").strip("_")
    also = _words(terms)
    inside = [
        (f"_{plain}_".find(f"_{word}_") + len(word), len(word), word) for word in also if f"_{word}_" in f"_{plain}_"
    ]
    if inside:  # the last part of a name says what it is: khat of nll_is500_khat
        return also[max(inside)[2]]
    known = {*also, *locate.groups(), *(option for group in locate.groups() for option in locate.options(group))}
    lists = "vaelab explain lists all terms, vaelab list all options."
    raise ConfigError(f"explain: there is no term or option '{shown(typed)}'. {nearest(plain, known, lists)}")


def _words(terms: dict) -> dict[str, str]:
    """{word: term} of the terms and of what else they are called."""
    return {word: name for name, entry in terms.items() for word in (name, *entry.get("also", ()))}
