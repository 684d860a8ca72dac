"""The look every picture shares: sizes, colours, the header with title and facts, axes placed in inches.

Figures are made without pyplot and styled artist by artist, so that drawing never changes a user's matplotlib.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D

from vaelab.system.palette import INK, MUTED, PALETTE

WIDTH = 10.0  # inches of a figure
NARROW = 7.0  # inches of an animation
DPI = 100  # so 1,000 pixels; grids may raise it (see grid.py)
MARGIN = 0.2  # inches around everything

TITLE, TEXT, SMALL = 14.0, 10.5, 9.0  # points

MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "<", ">", "p", "h")
SEQUENTIAL, DIVERGING = "cividis", "PuOr"


class Layout(NamedTuple):
    """Inches across a figure, and its pixels per inch at least."""

    width: float
    dpi: int


LAYOUTS = {"paper": Layout(WIDTH, DPI), "slide": Layout(7.5, 200)}
_layout: ContextVar[Layout] = ContextVar("layout", default=LAYOUTS["paper"])


@contextmanager
def laid_out(*, dpi: int | None, width: str):
    """Within it figures are laid out for a paper or a slide, and for at least so many pixels per inch."""
    usual = LAYOUTS[width]
    token = _layout.set(usual._replace(dpi=dpi or usual.dpi))
    try:
        yield
    finally:
        _layout.reset(token)


def layout() -> Layout:
    """What figures are laid out for."""
    return _layout.get()


def colour(k: int) -> str:
    """The k-th colour of the colour-blind-safe palette, repeating."""
    return PALETTE[k % len(PALETTE)]


def marker(k: int) -> str:
    """The marker of the k-th class: neighbours differ, and (colour, marker) pairs repeat only after 120."""
    return MARKERS[(k + k // 60) % len(MARKERS)]


@cache
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of a line of text in inches."""
    font = get_font(findfont(FontProperties(weight=weight)))
    font.set_size(100.0, 72)
    font.set_text(text, 0.0)
    width = font.get_width_height()[0] / 64  # points at size 100
    return 1.03 * width / 100 * size / 72  # on screens letters are rounded up


def wrapped(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """The text broken at spaces into lines of at most `width` inches; a longer word is cut with an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, size, width))
    return [line for line in lines if line]


def _joined(facts: list[str], size: float, width: float) -> list[str]:
    """Facts with a dot between them, in lines that break between facts where they can."""
    lines = [""]
    for fact in facts:
        longer = f"{lines[-1]}  ·  {fact}" if lines[-1] else fact
        if text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines += wrapped(fact, size, width)
    return [line for line in lines if line]


def shortened(text: str, size: float, width: float) -> str:
    """The text, or its beginning and an ellipsis where it is wider than `width` inches."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


class Page:
    """A figure of fixed width with a header: a title and a line of facts; the body lies below, measured in inches.

    Args:
        title: what is shown.
        facts: sentences of small print: run name first, then split, sizes, settings. Empty ones are dropped.
        height: inches of the body.
        dpi: pixels per inch (None: those of `layout`).
        width: inches (None: those of `layout`).
    """

    def __init__(self, title, facts, height, dpi=None, width=None):
        width, dpi = width or layout().width, dpi or layout().dpi
        inner = width - 2 * MARGIN
        titles = wrapped(title, TITLE, inner, "bold")
        notes = _joined([f for f in facts if f], SMALL, inner)
        self.header = 0.16 + 0.27 * len(titles) + 0.18 * len(notes) + 0.1
        self.width, self.height, self.dpi = width, height, dpi
        total = round((height + self.header) * dpi) / dpi
        self.figure = Figure(figsize=(round(width * dpi) / dpi, total), dpi=dpi, facecolor="white")
        top = total - 0.14
        for k, line in enumerate(titles):
            self.text(line, MARGIN, top - 0.27 * k, size=TITLE, weight="bold", va="top")
        top -= 0.27 * len(titles) + 0.04
        for k, line in enumerate(notes):
            self.text(line, MARGIN, top - 0.18 * k, size=SMALL, color=MUTED, va="top")

    def axes(self, left, bottom, width, height, **kwargs):
        """Axes whose lower left corner lies `left`, `bottom` inches from the page's, styled."""
        total_width, total_height = self.figure.get_size_inches()
        box = (left / total_width, bottom / total_height, width / total_width, height / total_height)
        return plain_axes(self.figure.add_axes(box, **kwargs))

    def text(self, text, x, y, size=TEXT, color=INK, ha="left", va="center", **kwargs):
        """Text at inches from the lower left corner. A $ is a dollar sign."""
        total_width, total_height = self.figure.get_size_inches()
        return self.figure.text(
            x / total_width,
            y / total_height,
            text,
            fontsize=size,
            color=color,
            ha=ha,
            va=va,
            parse_math=False,
            **kwargs,
        )

    def legend(self, handles, left, top, columns=1, size=SMALL):
        """A frameless legend whose upper left corner lies at inches from the page's lower left corner."""
        total_width, total_height = self.figure.get_size_inches()
        found = self.figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(left / total_width, top / total_height), ncols=columns,
            fontsize=size, frameon=False, labelcolor=INK, borderpad=0, borderaxespad=0, handletextpad=0.4,
            columnspacing=1.2, labelspacing=0.45, handlelength=1.2,
        )  # fmt: skip
        for text in found.get_texts():
            text.set_parse_math(False)
        return found


def plain_axes(ax):
    """Thin grey frame without the upper and right line, small ticks, ink text."""
    ax.tick_params(labelsize=SMALL, colors=INK, color=MUTED, length=3, width=0.8)
    for name, spine in ax.spines.items():
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)
        spine.set_visible(name in ("left", "bottom"))
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size(TEXT)
        axis.label.set_color(INK)
        axis.get_offset_text().set_size(SMALL)
    ax.set_axisbelow(True)
    return ax


def key(label: str, k: int, size: float = 7.5) -> Line2D:
    """Legend entry of the k-th class: its marker in its colour."""
    return Line2D([], [], linestyle="", marker=marker(k), color=colour(k), markersize=size, label=label)


def number(value: float) -> str:
    """Four significant digits, or all before the point: -0.01234, 42.52, 17,134."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def count(shown: int, total: int, what: str = "images") -> str:
    """ "2,000 of 10,000 images", or "360 images" where all are shown."""
    return f"{total:,} {what}" if shown >= total else f"{shown:,} of {total:,} {what}"
