"""Pictures and pages as a notebook shows them."""

import base64
import html
import io
import webbrowser
from functools import cached_property
from pathlib import Path

import numpy as np

from vaelab.api import widget
from vaelab.errors import ConfigError

WIDTH = 420  # pixels of a picture on a card


def shown(picture):
    """A Figure or Animation that a notebook displays, whatever its matplotlib set-up."""
    if hasattr(picture, "frames"):
        picture._repr_mimebundle_ = lambda **_: {"image/gif": _text(_gif(picture))}
    else:
        picture._repr_png_ = lambda: _png(picture)
    return picture


def _png(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.get_dpi())
    return file.getvalue()


def _gif(animation) -> bytes:
    file = io.BytesIO()
    animation.save(file)
    return file.getvalue()


def inline(path: Path) -> str:
    """An <img> with a picture's file in it, made no wider than a card needs; "" where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
            small.thumbnail((2 * WIDTH, 2 * WIDTH))
            file = io.BytesIO()
            small.save(file, format="PNG", optimize=True)
    except (OSError, ValueError):
        return ""
    name = html.escape(path.stem.replace("_", " "), quote=True)
    source = f"data:image/png;base64,{_text(file.getvalue())}"
    style = "height:220px;max-width:100%;object-fit:contain;margin:0"
    return (
        f'<figure style="margin:0 12px 8px 0;display:inline-block;vertical-align:top"><img alt="{name}" '
        f'src="{source}" style="{style}"><figcaption style="opacity:.7;font-size:12px">{name}</figcaption></figure>'
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class Page:
    """A page of the explorer.

    Args:
        file: the html file, complete in itself.
        height: in a notebook, in pixels.
        embed: whether the notebook's output holds the page, or refers to the file.
    """

    def __init__(self, file: Path, *, height: int, embed: bool):
        self.file, self.height, self.embed = Path(file), height, embed

    def __repr__(self):
        return f"<vaelab explorer {self.file}, {self.file.stat().st_size / 1e6:.1f} MB, opens without network>"

    def open(self) -> None:
        """Opens the file in the browser."""
        webbrowser.open(self.file.resolve().as_uri())

    @property
    def selection(self) -> np.ndarray:
        """(n,) rows of the test split that are selected in the page of this notebook: the group that was found or drawn
        around, else the image that was clicked.

        Raises:
            ConfigError: anywidget, which brings them here, is not installed.
        """
        if self._widget is None:
            raise ConfigError('What is selected comes back through anywidget: pip install "vaelab[notebook]".')
        return np.array(self._widget.rows, int)

    @cached_property
    def _widget(self):
        page = self.file.read_text(encoding="utf-8") if self.embed else _from_here(self.file)
        return widget.framed(page, embedded=self.embed, height=self.height)

    def _repr_mimebundle_(self, **asked):
        """The widget, and the page alone for where there is no kernel, or no anywidget."""
        alone = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        if self._widget is None:
            return alone
        data, more = self._widget._repr_mimebundle_(**asked) or ({}, {})
        return data | alone, more

    def _repr_html_(self) -> str:
        if self.embed:
            content = f'srcdoc="{html.escape(self.file.read_text(encoding="utf-8"), quote=True)}"'
        else:
            content = f'src="{html.escape(_from_here(self.file), quote=True)}"'
        style = f"width:100%;height:{self.height}px;border:1px solid #8884;border-radius:6px"
        return f'<iframe title="latent explorer" {content} style="{style}"></iframe>'


def _from_here(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.resolve().as_uri()
