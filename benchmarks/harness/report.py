"""What a question leaves: a table on the terminal, a CSV and a picture under results/."""

import csv
import datetime

from harness import machine
from harness.turns import HERE

RESULTS = HERE / "results"
BLUE, GREY = "#3b6ea8", "#b9bec6"


def save(
    question: str, rows: list[dict], *, command: str, value: str, label: str, group: str | None = None, draw=None
) -> None:
    """Prints the table and writes results/<question>.csv and .png.

    Args:
        rows: dicts with the same keys; `contender` names the row, `goal` and `spread` (shares) may be among them.
        command: how to run it again.
        value: the key that the bars show.
        label: what the bars' axis says.
        group: key that parts the rows into panels, if any.
        draw: function (rows) -> Figure, where bars are not the picture.
    """
    RESULTS.mkdir(exist_ok=True)
    print(table(rows))
    with (RESULTS / f"{question}.csv").open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {command}; {datetime.date.today()}; {machine.describe()}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: _text(v) for k, v in row.items()} for row in rows)
    figure = draw(rows) if draw else picture(rows, value=value, label=label, group=group)
    figure.savefig(RESULTS / f"{question}.png", dpi=150)
    print(f"\n{machine.describe()}\nresults/{question}.csv, results/{question}.png")


def table(rows: list[dict]) -> str:
    """The rows as a markdown table."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "|".join(" --- " for _ in columns) + "|"]
    lines += ["| " + " | ".join(_text(row[c]) for c in columns) + " |" for row in rows]
    return "\n".join(lines)


def picture(rows: list[dict], *, value: str, label: str, group: str | None):
    """Horizontal bars, one panel per group; vaelab in colour."""
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys(row[group] for row in rows)) if group else [None]
    height = 0.9 + sum(0.35 * sum(group is None or r[group] == g for r in rows) + 0.6 for g in groups)
    figure = Figure(figsize=(7, height), layout="constrained")
    sizes = [sum(group is None or r[group] == g for r in rows) for g in groups]
    for axes, name in zip(figure.subplots(len(groups), 1, squeeze=False, height_ratios=sizes)[:, 0], groups):
        chosen = [r for r in rows if (group is None or r[group] == name) and r[value] is not None]
        colours = [BLUE if r["contender"].startswith("vaelab") else GREY for r in chosen]
        bars = axes.barh([r["contender"] for r in chosen], [r[value] for r in chosen], color=colours)
        axes.bar_label(bars, [_text(r[value]) for r in chosen], padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title("" if name is None else str(name), loc="left", fontsize=10)
    axes.set_xlabel(label)
    return figure


def _text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    return str(value)
