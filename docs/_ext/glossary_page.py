"""The glossary, from what `vaelab explain` tells."""

from pathlib import Path

import options

from vaelab.commands import explain

WORDS = """# Glossary

`vaelab explain elbo` prints an entry, `vaelab explain` the list.

"""
# How a field is told.
TOLD = {"formula": "", "unit": "Unit: ", "says": "Says: ", "not": "Not: ", "source": "Source: "}


def page() -> str:
    lines = ["```{glossary}"]
    for name, entry in sorted(explain.glossary().items()):
        lines += [name.replace("_", " "), f"  {options.plain(entry['is'])}"]
        for field, word in TOLD.items():
            if text := entry.get(field):
                shown = f"`{text}`" if field == "formula" else options.plain(text)
                lines += ["", f"  {word}{shown}"]
        lines.append("")
    return WORDS + "\n".join([*lines, "```", ""])


def write(app) -> None:
    file, text = Path(app.srcdir) / "glossary.md", page()
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
