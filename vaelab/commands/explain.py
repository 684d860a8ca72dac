"""`vaelab explain [TERM]`: the glossary, from glossary.yaml."""

import re
from pathlib import Path

import yaml

from vaelab.config.nearest import nearest
from vaelab.config.typed import shown
from vaelab.errors import ConfigError
from vaelab.system import tables
from vaelab.system.streams import document, output

FILE = Path(__file__).resolve().parent.parent / "glossary.yaml"
# What an entry has, in the order in which it is told.
FIELDS = ("formula", "unit", "says", "not", "source", "see")


def run(cfg) -> None:
    """Prints a term, or a line per term; as json: {"terms": {term: its fields}}."""
    terms = glossary()
    if cfg.term is None:
        document(terms=terms)
        output(tables.entries((name, entry["is"]) for name, entry in terms.items()))
        return
    name = named(cfg.term, terms)
    document(terms={name: terms[name]})
    told = [(field, str(terms[name][field])) for field in FIELDS if field in terms[name]]
    output(f"{tables.paragraph(f'{name}: ' + terms[name]['is'], indent=0)}\n{tables.entries(told)}")


def glossary() -> dict[str, dict]:
    """{term: {is, formula, unit, says, not, source, see}}, what does not apply left out."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def named(typed: str, terms: dict) -> str:
    """The term that is meant: `test/ELBO`, `active units`, `nll_is500`, as it is met in files and speech.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    plain = re.sub(r"\d+$|\d+(?=_)", "", re.sub(r"[\s-]+", "_", typed.strip().lower().rpartition("/")[2]))
    plain = plain.removesuffix(".se").strip("_")
    also = {word: name for name, entry in terms.items() for word in (name, *entry.get("also", ()))}
    inside = [
        (f"_{plain}_".find(f"_{word}_") + len(word), len(word), word) for word in also if f"_{word}_" in f"_{plain}_"
    ]
    if inside:  # the last part of a name says what it is: khat of nll_is500_khat
        return also[max(inside)[2]]
    raise ConfigError(f"explain: there is no term '{shown(typed)}'. {nearest(plain, also)}")
