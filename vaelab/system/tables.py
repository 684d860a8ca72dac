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
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return "", []
    width = width or terminal_width()
    widths = [max(cell_len(row[k]) for row in rows) for k in range(len(rows[0]))]
    least = [min(w, FOLDED) if k in folds else w for k, w in enumerate(widths)]
    room = max((width or indent + sum(widths) + GAP * len(widths)) - indent, 1)
    shown: list[int] = []
    for k in range(len(widths)) if first is None else first:
        if first is None or not shown or sum(least[s] + GAP for s in (*shown, k)) - GAP <= room:
            shown.append(k)
    shown.sort()
    grid = Table(box=None, show_header=False, padding=(0, GAP, 0, 0), pad_edge=False)
    for k in shown:
        fold = k in folds or least[k] > room
        grid.add_column(justify="right" if k in numbers else "left", no_wrap=not fold, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(row[k]) for k in shown))
    text = io.StringIO()
    Console(file=text, width=room, color_system=None, highlight=False).print(grid)
    lines = (f"{' ' * indent}{line}".rstrip() for line in text.getvalue().splitlines())
    return "\n".join(lines), [k for k in range(len(widths)) if k not in shown]
