"""The table of settings for other programs: CSV, and LaTeX for a paper."""

import csv
import io

from vaelab.report.grid import Grid, shown
from vaelab.report.statistics import Difference, interval

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def settings_csv(grid: Grid, names: list[str], differences: dict[tuple, Difference]) -> str:
    """One line per setting: values, seeds, difference from the best and its p, each metric's mean and half interval."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [*grid.axes, "seeds", "against the best", "p", *(c for n in names for c in (n, f"{n} half interval"))]
    )
    for setting, points in grid.settings().items():
        found = differences.get(setting)
        row = [*setting, len(points), found and found.mean, found and found.p]
        for name in names:
            values = [v for p in points if (v := p.value(name)) is not None]
            row += [*interval(values)[:2]] if values else [None, None]
        writer.writerow(row)
    return out.getvalue()


def settings_latex(grid: Grid, names: list[str], mean) -> str:
    """The same as a LaTeX table (booktabs), mean and half interval in one cell.

    Args:
        mean: function (jobs, metric) -> text of the cell.
    """
    heads = [*(a.rpartition(".")[2] for a in grid.axes), "seeds", *(n.removeprefix("test/") for n in names)]
    lines = [
        rf"\begin{{tabular}}{{{'l' * len(grid.axes)}{'r' * (1 + len(names))}}}", r"\toprule",
        " & ".join(latex(head.replace("_", " ")) for head in heads) + r" \\", r"\midrule",
    ]  # fmt: skip
    for setting, points in grid.settings().items():
        numbers = [mean(points, name).replace("−", "-").replace(",", "{,}").replace("±", r"\pm") for name in names]
        cells = [*(latex(shown(v)) for v in setting), str(len(points)), *(f"${n}$" if n else "" for n in numbers)]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def latex(text: str) -> str:
    """Text in which nothing is a command of LaTeX's."""
    return "".join(SPECIAL.get(character, character) for character in text)
