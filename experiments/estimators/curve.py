"""curve.png from results.csv: -log p(x) against the number of samples, beside annealing and the exact value.

python curve.py
"""

import csv
from pathlib import Path

from matplotlib.figure import Figure

from vaelab.plots.style import DPI, MUTED, WIDTH, colour, plain_axes

HERE = Path(__file__).resolve().parent
SAMPLES = (1, 10, 100, 1000)
LINES = (("test/nll_ais", "annealed importance sampling", 2, "--"), ("test/nll_exact", "exact", 6, ":"))


def main() -> None:
    """One panel per run."""
    with open(HERE / "results.csv", newline="", encoding="utf-8") as file:
        rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
    figure = Figure(figsize=(WIDTH, 3.8), dpi=DPI, facecolor="white")
    for ax, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows):
        values = [float(row[f"test/nll_is{k}"]) for k in SAMPLES]
        plain_axes(ax).grid(True, color=MUTED, linewidth=0.6, alpha=0.3)
        ax.plot(SAMPLES, values, color=colour(0), linewidth=2, marker="o", label="importance sampling")
        for name, label, k, style in LINES:
            if name in row:
                ax.axhline(float(row[name]), color=colour(k), linewidth=2, linestyle=style, label=label)
        ax.set_xscale("log")
        ax.set_xlabel("samples per image")
        ax.set_ylabel("-log p(x), nats per image")
        ax.set_title(row["run_name"], loc="left", fontsize=12, weight="bold")
        ax.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(HERE / "curve.png")


if __name__ == "__main__":
    main()
