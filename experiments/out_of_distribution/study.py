"""The tables of README.md from the runs below a folder of outputs: `python study.py outputs`."""

import csv
import sys
from pathlib import Path

from vaelab.config import locate
from vaelab.records.run_folder import all_runs

HERE = Path(__file__).resolve().parent
FOILS = ("flipped", "flipped_horizontally", "inverted", "noise", "constant", "shuffled_patches")
PAIRS = {
    "fashion": ("mnist", *FOILS),
    "fashion_long": ("mnist", *FOILS),
    "mnist": ("fashionmnist", *FOILS),
    "cifar10": FOILS,
}  # run -> other images


def runs(outputs: Path):
    """{run name: metrics} of the newest run of each name."""
    return {run.status().get("run_name") or run.path.name: run.read_metrics() for run in all_runs(outputs)}


def against(metrics: dict, others) -> list[list]:
    """A row per score: AUROC and its error against each kind of images."""
    rows = [["score", *others]]
    for score in locate.options("score"):
        entries = [metrics.get(f"test/ood_{other}_{score}_auroc") for other in others]
        if any(entries):
            rows.append([score, *(f"{e['value']:.3f} ± {e['se']:.3f}" if e else "" for e in entries)])
    return rows


def left_out(found: dict) -> list[list]:
    """A row per score: AUROC of each digit that was left out, and the mean; none where no such run is found."""
    table = {}
    for metrics in found.values():
        for key, entry in metrics.items():
            name = key.removeprefix("test/anomaly_")
            if name != key and name[0].isdigit():
                digit, score = name.removesuffix("_auroc").split("_", 1)
                table.setdefault(score, {})[digit] = entry["value"]
    digits = sorted({d for row in table.values() for d in row})
    if not digits:
        return []
    rows = [["score", *digits, "mean"]]
    for score, row in sorted(table.items()):
        mean = sum(row.values()) / len(row)
        rows.append([score, *(f"{row[d]:.3f}" if d in row else "" for d in digits), f"{mean:.3f}"])
    return rows


def main(outputs: Path) -> None:
    found = runs(outputs)
    tables = {name: against(found[name], others) for name, others in PAIRS.items() if name in found}
    if rows := left_out(found):  # a table measured before is not written over by none
        tables["left_out"] = rows
    for name, rows in tables.items():
        with (HERE / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        print(name)
        for k, row in enumerate(rows):
            print("| " + " | ".join(row) + " |")
            if not k:
                print("|" + "---|" * len(row))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
