"""The table and the pictures of this study, from the runs of its two sweeps.

python study.py outputs

Writes results.csv here (means over seeds, ± the standard error over them), prints it, and draws levels.png of the first
two-level run: what changes where only one level is drawn anew.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import vaelab
from vaelab.plots.style import DPI

HERE = Path(__file__).resolve().parent
KEYS = ("elbo", "nll_is500", "distortion", "rate", "rate_level_1", "rate_level_2", "active_units")
NAMES = {"one_level": "one level", "two_levels": "two levels"}


def main(output_dir: str) -> None:
    """Everything that the finished jobs of the sweeps give."""
    rows, shown = [], None
    for sweep in NAMES:
        found = vaelab.Sweep(sweep, output_dir=output_dir)
        for folder in found.folder.jobs():
            if folder.status().get("state") != "done":
                print(f"not finished, left out: {folder.path}")
                continue
            run = vaelab.load(str(folder.path))
            values = run.metrics["value"]
            kind = run.config["structure"].get("inference")
            row = {"model": f"{NAMES[sweep]}{f', {kind}' if kind else ''}", "seed": run.config["seed"]}
            rows.append(row | {key: values.get(f"test/{key}", np.nan) for key in KEYS})
            shown = shown or (run if kind else None)
    each = pd.DataFrame(rows).groupby("model", sort=False)
    mean, error = each[list(KEYS)].mean(), each[list(KEYS)].sem()
    with open(HERE / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "seeds", *(f"{key}{end}" for key in KEYS for end in ("", "_se"))])
        for model, seeds in each.size().items():
            pairs = [(mean.loc[model, key], error.loc[model, key]) for key in KEYS]
            writer.writerow([model, seeds, *(f"{v:.3f}" for pair in pairs for v in pair)])
    print(f"| | {' | '.join(KEYS)} |\n|{'---|' * (1 + len(KEYS))}")
    for model in mean.index:
        cells = (f"{mean.loc[model, k]:.2f} ± {error.loc[model, k]:.2f}" for k in KEYS)
        print(f"| {model} | {' | '.join(cell.replace('nan ± nan', '-') for cell in cells)} |")
    if shown is not None:
        shown.plot("levels").savefig(HERE / "levels.png", dpi=DPI)


if __name__ == "__main__":
    main(*sys.argv[1:])
