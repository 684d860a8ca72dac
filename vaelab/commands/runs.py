"""`vaelab runs`: what was trained, newest last, with filters; as a table on the terminal or in a csv file."""

import csv
import logging
import time
from pathlib import Path

from vaelab.errors import RunError
from vaelab.records import listing
from vaelab.records.listing import COLUMNS
from vaelab.records.sweep_folder import all_sweeps
from vaelab.records.tracking import deliver, finish_sweep
from vaelab.system import paths, tables
from vaelab.system.files import atomic_file
from vaelab.system.printing import NOTE
from vaelab.system.streams import document, output

log = logging.getLogger(__name__)

# A run's name finds it (run=NAME), and says dataset, model and objective where the user gave none.
SAY_MOST = (
    "run_name", "elbo", "elbo_critic", "state", "dataset", "beta", "latent_dim", "age", "seed", "epochs",
    "model", "objective", "mlflow", "run",
)  # fmt: skip
WHERE_ANY = {"elbo_critic"}  # columns left out of the usual table where no run has a value
STATES = {"running": "cyan", "done": "green", "failed": "red", "interrupted": "yellow", "killed": "yellow"}


def run(cfg) -> int:
    """Prints the table; `sync=true` brings MLflow up to date with runs it missed."""
    file = None if cfg.csv is None else paths.output_file("csv", cfg.csv)
    filters = {k: v for k, v in cfg.filter.items() if v is not None}
    found = listing.rows(cfg.output_dir, filters)
    if cfg.sync:
        return _sync(found, cfg.output_dir, cfg.tracking.uri)
    if not found:
        document(runs=[])
        output(f"No runs under {cfg.output_dir}" + (" match." if filters else " yet. Train one: vaelab train"))
        return 0
    found = listing.in_order(found, cfg.sort, cfg.n)
    columns = list(cfg.columns or [c for c in COLUMNS if c not in WHERE_ANY or any(r[c] is not None for r in found)])
    rows = listing.with_columns(found, columns)
    document(runs=[_facts(row, more) for row, more in zip(rows, found)])
    _print(rows, columns)
    if file:
        _write(rows, columns, file)
    return 0


def _facts(row: dict, more: dict) -> dict:
    """What `--json` has of a run."""
    return {k: v for k, v in row.items() if k != "age"} | {"folder": str(more["folder"].path), "started": more["age"]}


def _write(rows: list[dict], columns: list[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    output(f"{len(rows)} runs written to {path}")


def _print(rows, columns) -> None:
    """The table; on a narrow terminal without the columns that say least, which are named."""
    cells = [columns, *([_cell(name, row[name]) for name in columns] for row in rows)]
    numbers = [k for k, n in enumerate(columns) if n == "age" or any(isinstance(r[n], (int, float)) for r in rows)]
    usual = set(columns) <= set(COLUMNS)
    first = sorted(range(len(columns)), key=lambda k: SAY_MOST.index(columns[k])) if usual else range(len(columns))
    styles = {(0, k): "bold" for k in range(len(columns))}
    if "state" in columns:
        k = columns.index("state")
        styles |= {(n, k): STATES[row["state"]] for n, row in enumerate(rows, 1) if row["state"] in STATES}
    if usual and "dataset" in columns:  # said once for the runs of one
        k = columns.index("dataset")
        for n in range(len(rows), 1, -1):
            cells[n][k] = "" if cells[n][k] == cells[n - 1][k] else cells[n][k]
    text, left_out = tables.table(cells, numbers=numbers, first=first, styles=styles)
    output(text)
    if left_out:
        names = ", ".join(columns[k] for k in left_out)
        log.log(NOTE, f"too narrow for {names}; columns=[...] chooses, csv=FILE has all.")


def _cell(name, value) -> str:
    if value is None:
        return "-"
    if name == "age":
        return _age(time.time() - value)
    if name in ("elbo", "elbo_critic"):
        return f"{value:,.2f}"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _age(seconds: float) -> str:
    seconds = max(0, seconds)  # a clock may be set back
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def bring_up_to_date(output_dir, uri: str | None) -> None:
    """Delivers to MLflow what it missed: without this a run whose process was killed would be shown as running."""
    _sync(listing.rows(output_dir), output_dir, uri, quiet=True)


def _sync(rows, output_dir, uri: str | None, quiet: bool = False) -> int:
    missing = [r for r in rows if r["mlflow"] == "not delivered"]
    failed = _sync_sweeps(output_dir, uri)
    for row in missing:
        stored = row["folder"].read_config()
        settings = stored.get("tracking")
        if not isinstance(settings, dict) or not settings.get("enabled"):
            continue
        try:
            ok = deliver(row["folder"], stored, row["folder"].status().get("tags") or {}, output_dir, uri)
        except RunError as error:
            log.error(error)
            ok = False
        failed += not ok
        output(f"{'delivered' if ok else 'not delivered'}: {row['run']}")
    if not quiet:
        output(f"{len(missing)} runs to deliver, {failed} failed.")
    return 1 if failed else 0


def _sync_sweeps(output_dir, uri: str | None) -> int:
    """Ends the MLflow runs of sweeps whose launcher was killed; returns how many could not be."""
    failed = 0
    for sweep in all_sweeps(output_dir):
        known = sweep.record().get("mlflow")
        if known and not known.get("state") and sweep.holder() is None:
            failed += not finish_sweep(sweep, "killed", {}, uri, output_dir)
    return failed
