"""Aligned tables: as wide as the terminal, of any width in a pipe or a file. Numbers are never broken."""

import io
import shutil
import sys
from collections.abc import Sequence

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
) -> tuple[str, list[int]]:
    """(the lines, the columns for which there was no room).

    Args:
        rows: cells, the header among them.
        numbers: columns to be aligned on the right.
        folds: columns that may go over several lines where the width does not suffice.
        first: the columns, the most important first; those that do not fit are left out. None to leave out none.
        indent: spaces before every line.
        width: characters of a line; None for the terminal's.
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
    if sum(widths[k] + GAP for k in shown) - GAP <= room:
        pads = ([" " * (widths[k] - _width(text)) for k, text in zip(shown, row)] for row in cells)
        aligned = ([p + c if r else c + p for c, p, r in zip(row, pad, right)] for row, pad in zip(cells, pads))
        lines = [(" " * GAP).join(row) for row in aligned]
    else:
        lines = _folded(cells, right, [k in folds or least[k] > room for k in shown], room)
    return "\n".join(f"{' ' * indent}{line}".rstrip() for line in lines), [
        k for k in range(len(widths)) if k not in shown
    ]


def _width(text: str) -> int:
    """Characters of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # not imported for nothing

    return cell_len(text)


def _folded(cells: list[list[str]], right: list[bool], folds: list[bool], width: int) -> list[str]:
    """The lines of a table that must be folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, show_header=False, padding=(0, GAP, 0, 0), pad_edge=False)
    for number, fold in zip(right, folds):
        grid.add_column(justify="right" if number else "left", no_wrap=not fold, overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    text = io.StringIO()
    Console(file=text, width=width, color_system=None, highlight=False).print(grid)
    return text.getvalue().splitlines()
