"""The gallery: every picture of conf/plot, with what it shows and the line that draws it."""

from pathlib import Path

import options

WORDS = """# Gallery

Every picture vaelab draws. `vaelab plot run=latest plot=[traversal]` draws one of a finished run; a card leads to the
picture's settings. `python docs/gallery.py` drew these of small runs: MNIST with two, three and ten latents or
two levels of them, digits on backgrounds in two views.

"""


def page(pictures: Path = options.PICTURES) -> str:
    found = options.options()["plot"]
    cards = ["::::{grid} 1 2 2 3", ":gutter: 3", ""]
    for o in found:
        picture = next(iter(sorted(pictures.glob(f"{o.name}.*"))), None)
        cards += [f":::{{grid-item-card}} {o.name}", f":link: {o.label}", ":link-type: ref"]
        cards += [f":img-top: gallery/{picture.name}", f":img-alt: {o.name}"] if picture else []
        cards += ["", options.plain(o.text), ":::", ""]
    return WORDS + "\n".join([*cards, "::::", ""])


def write(app) -> None:
    file, text = Path(app.srcdir) / "gallery.md", page()
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
