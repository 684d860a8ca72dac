"""Docstrings as reStructuredText: p(x|z), KL(q || p) and **settings are text; an attribute's are sentences."""

import re

from docutils.parsers.rst import Directive

sentences: dict[str, list[str]] = {}


def as_text(app, what, name, obj, options, lines):
    """Escapes bars and stars outside code; before napoleon."""
    for n, line in enumerate(lines):
        if not line.lstrip().startswith(">>>"):
            parts = re.split(r"(`+[^`]*`+)", line)
            parts[::2] = [re.sub(r"(?<!\\)(\||\*(?=\S))", r"\\\1", part) for part in parts[::2]]
            lines[n] = re.sub(r"(`[^`]+`)(?=\w)", r"\1\\ ", "".join(parts))
    if what in ("attribute", "property"):
        sentences[name] = list(lines)


def as_sentences(app, what, name, obj, options, lines):
    """Undoes that napoleon takes what stands before a colon for a type; after it."""
    if name in sentences:
        lines[:] = sentences.pop(name)


def without_arguments(app, what, name, obj, options, signature, returns):
    """A contract is no constructor, unless it says how its parts are made."""
    if what == "class" and getattr(obj, "_is_protocol", False) and "no" in vars(obj)["__init__"].__name__:
        return "", None


class Mermaid(Directive):
    """A drawing that the repository's pages show; here the table above it says the same."""

    has_content = True

    def run(self):
        return []


def setup(app):
    app.connect("autodoc-process-docstring", as_text, priority=400)
    app.connect("autodoc-process-docstring", as_sentences, priority=600)
    app.connect("autodoc-process-signature", without_arguments)
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
