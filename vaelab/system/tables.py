"""Aligned tables: as wide as the terminal, of any width in a pipe or a file. Numbers are never broken."""

import io
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

from vaelab.system import colours

FOLDED = 16  # characters that a folded column keeps at least
GAP = 2


def terminal_width() -> int | None:
    """Characters of a line of the terminal that standard output is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    folds: Sequence[int] = (),
    first: Sequence[int] | None = None,
    indent: int = 0,
    width: int | None = None,
    styles: dict[tuple[int, int], str] | None = None,
) -> tuple[str, list[int]]:
    """(the lines, the columns for which there was no room).

    Args:
        rows: cells, the header among them.
        numbers: columns to be aligned on the right.
        folds: columns that may go over several lines where the width does not suffice.
        first: the columns, the most important first; those that do not fit are left out. None to leave out none.
        indent: spaces before every line.
        width: characters of a line; None for the terminal's.
        styles: {(row, column): style of `colours`} of cells that are not plain.
    """
    if not rows:
        return "", []
    width = width or terminal_width()
    widths = [max(_width(row[k]) for row in rows) for k in range(len(rows[0]))]
    least = [min(w, FOLDED) if k in folds else w for k, w in enumerate(widths)]
    room = max((width or indent + sum(widths) + GAP * len(widths)) - indent, 1)
    shown: list[int] = []
    for k in range(len(widths)) if first is None else first:
        if first is None or not shown or sum(least[s] + GAP for s in (*shown, k)) - GAP <= room:
            shown.append(k)
    shown.sort()
    cells = [[row[k] for k in shown] for row in rows]
    right = [k in numbers for k in shown]
    paint = [[(styles or {}).get((n, k)) for k in shown] for n in range(len(rows))]
    if sum(widths[k] + GAP for k in shown) - GAP <= room:
        lines = []
        for row, style in zip(cells, paint):
            pads = [" " * (widths[k] - _width(text)) for k, text in zip(shown, row)]
            row = [colours.painted(text, how) for text, how in zip(row, style)]
            lines.append((" " * GAP).join(p + c if r else c + p for c, p, r in zip(row, pads, right)))
    else:
        lines = _folded(cells, right, [k in folds or least[k] > room for k in shown], room, paint)
    return "\n".join(f"{' ' * indent}{line}".rstrip() for line in lines), [
        k for k in range(len(widths)) if k not in shown
    ]


def entries(pairs: Iterable[tuple[str, str]], *, indent: int = 2, beside: int = 30, width: int | None = None) -> str:
    """Names and what is said of each: beside it, folded where the terminal is too narrow; below a longer name.

    Args:
        indent: spaces before every name.
        beside: characters of the longest name that has its text beside it.
        width: characters of a line; None for the terminal's, and as many as it takes where there is none.
    """
    pairs = list(pairs)
    width = width or terminal_width() or 10**6
    column = indent + min(max((_width(name) for name, _ in pairs), default=0), beside) + GAP
    lines = []
    for name, text in pairs:
        said = textwrap.wrap(text, max(width - column, FOLDED), break_long_words=False, break_on_hyphens=False)
        names = textwrap.wrap(name, max(width - indent, FOLDED)) if _width(name) > width - indent else [name]
        shown = [" " * indent + colours.painted(part, "bold") for part in names]
        if said and _width(name) <= beside:
            shown[0] += " " * (column - indent - _width(name)) + said.pop(0)
        lines += [*shown, *(" " * column + line for line in said)]
    return "\n".join(lines)


def paragraph(text: str, *, indent: int = 2) -> str:
    """A text in lines of the terminal's width."""
    margin = " " * indent
    return textwrap.fill(
        text, terminal_width() or 10**6, initial_indent=margin, subsequent_indent=margin,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _width(text: str) -> int:
    """Characters of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # not imported for nothing

    return cell_len(text)


def _folded(cells: list[list[str]], right: list[bool], folds: list[bool], width: int, paint) -> list[str]:
    """The lines of a table that must be folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, show_header=False, padding=(0, GAP, 0, 0), pad_edge=False)
    for number, fold in zip(right, folds):
        grid.add_column(justify="right" if number else "left", no_wrap=not fold, overflow="fold")
    for row, style in zip(cells, paint):
        grid.add_row(*(Text(text, style=how or "") for text, how in zip(row, style)))
    text, colour = io.StringIO(), colours.shown_on(sys.stdout)
    system = "standard" if colour else None
    Console(file=text, width=width, color_system=system, force_terminal=colour, highlight=False).print(grid)
    return text.getvalue().splitlines()
