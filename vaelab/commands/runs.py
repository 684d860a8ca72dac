"""`vaelab runs`: what was trained, newest last, with filters; as a table on the terminal or in a csv file."""

import csv
import sys
import time
from pathlib import Path

from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError, RunError
from vaelab.records import run_folder
from vaelab.records.sweep_folder import all_sweeps
from vaelab.system import paths
from vaelab.system.files import beside

COLUMNS = (
    "run", "dataset", "model", "objective", "beta", "latent_dim", "seed", "elbo", "elbo_critic", "epochs", "state",
    "mlflow", "age",
)  # fmt: skip
WHERE_ANY = {"elbo_critic"}  # columns left out of the usual table where no run has a value


def run(cfg) -> int:
    """Prints the table; `sync=true` brings MLflow up to date with runs it missed."""
    file = None if cfg.csv is None else paths.output_file("csv", cfg.csv)
    found = [row for row in rows_of(cfg.output_dir) if _wanted(row, cfg)]
    if cfg.sync:
        return _sync(found, cfg.output_dir, cfg.tracking.uri)
    if not found:
        print(f"No runs under {cfg.output_dir}" + (" match." if _filters(cfg) else " yet. Train one: vaelab train"))
        return 0
    if cfg.sort:
        if cfg.sort not in COLUMNS:
            raise ConfigError(f"sort: expected one of {', '.join(COLUMNS)}, got '{cfg.sort}'.")
        found.sort(key=lambda r: (r[cfg.sort] is None, r[cfg.sort]))
    found = found[-cfg.n :] if cfg.n else found
    columns = list(cfg.columns or [c for c in COLUMNS if c not in WHERE_ANY or any(r[c] is not None for r in found)])
    rows = _with_columns(found, columns)
    _print(rows, columns)
    if file:
        _write(rows, columns, file)
    return 0


def _with_columns(found: list[dict], columns: list[str]) -> list[dict]:
    """The rows with these columns: those of the table, facts of the run, settings, metrics (`.se`: standard error).

    Raises:
        ConfigError: a column that no run has.
    """
    rows, known = [], set(COLUMNS)
    for row in found:
        known |= row["facts"].keys()
        rows.append({k: row[k] if k in COLUMNS else row["facts"].get(k) for k in columns})
    for name in columns:
        if name not in known:
            raise ConfigError(f"columns: no run has '{name}'. {nearest(name, known)}")
    return rows


def _write(rows: list[dict], columns: list[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    print(f"{len(rows)} runs written to {path}")


def _filters(cfg) -> dict:
    return {k: v for k, v in cfg.filter.items() if v is not None}


def _wanted(row, cfg) -> bool:
    return all(row[k] == v for k, v in _filters(cfg).items())


def rows_of(output_dir) -> list[dict]:
    """A row for each run; one that is damaged is named and left out."""
    found = []
    for folder in run_folder.all_runs(output_dir):
        try:
            found.append(row_of(folder))
        except RunError as error:
            print(f"note: a run is left out: {error}", file=sys.stderr)
    return found


def row_of(folder) -> dict:
    status, stored = folder.status(), folder.read_config()
    chosen, metrics = status.get("chosen") or {}, folder.read_metrics()
    return {
        "run": str(folder),
        "dataset": chosen.get("dataset"),
        "model": chosen.get("model"),
        "objective": chosen.get("objective"),
        "beta": stored.get("beta"),
        "latent_dim": status.get("latent_dim") or stored.get("latent_dim"),  # the structure may set it
        "seed": stored.get("seed"),
        "elbo": (metrics.get("test/elbo") or {}).get("value"),
        "elbo_critic": (metrics.get("test/elbo_critic") or {}).get("value"),  # a critic's estimate, no bound
        "epochs": status.get("epochs") or (folder.read_history() or [{"epoch": 0}])[-1]["epoch"],
        "state": status.get("state"),
        "mlflow": _delivery(status),
        "age": status.get("started"),
        "folder": folder,
        "facts": folder.facts(),
    }


def _delivery(status) -> str:
    """Whether MLflow knows all that is known here."""
    if "mlflow_delivered" not in status:
        return "-"
    if status.get("state") in ("running", "queued"):
        return "running"
    up_to_date = status["mlflow_delivered"] and status.get("mlflow_state") == status.get("state")
    return "yes" if up_to_date else "not delivered"


def _print(rows, columns) -> None:
    cells = [columns, *([_cell(name, row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    numbers = {name for name in columns if name == "age" or any(isinstance(r[name], (int, float)) for r in rows)}
    for line in cells:
        aligned = (c.rjust(w) if n in numbers else c.ljust(w) for n, c, w in zip(columns, line, widths))
        print("  ".join(aligned).rstrip())


def _cell(name, value) -> str:
    if value is None:
        return "-"
    if name == "age":
        return _age(time.time() - value)
    return (
        f"{value:,.2f}"
        if name in ("elbo", "elbo_critic")
        else f"{value:.5g}"
        if isinstance(value, float)
        else str(value)
    )


def _age(seconds: float) -> str:
    seconds = max(0, seconds)  # a clock may be set back
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def bring_up_to_date(output_dir, uri: str | None) -> None:
    """Delivers to MLflow what it missed: without this a run whose process was killed would be shown as running."""
    _sync(rows_of(output_dir), output_dir, uri, quiet=True)


def _sync(rows, output_dir, uri: str | None, quiet: bool = False) -> int:
    missing = [r for r in rows if r["mlflow"] == "not delivered"]
    failed = _sync_sweeps(output_dir, uri)
    for row in missing:
        from vaelab.records.tracking import deliver

        stored = row["folder"].read_config()
        settings = stored.get("tracking")
        if not isinstance(settings, dict) or not settings.get("enabled"):
            continue
        try:
            ok = deliver(row["folder"], stored, row["folder"].status().get("tags") or {}, output_dir, uri)
        except RunError as error:
            print(f"vaelab: {error}", file=sys.stderr)
            ok = False
        failed += not ok
        print(f"{'delivered' if ok else 'not delivered'}: {row['run']}")
    if not quiet:
        print(f"{len(missing)} runs to deliver, {failed} failed.")
    return 1 if failed else 0


def _sync_sweeps(output_dir, uri: str | None) -> int:
    """Ends the MLflow runs of sweeps whose launcher was killed; returns how many could not be."""
    failed = 0
    for sweep in all_sweeps(output_dir):
        known = sweep.record().get("mlflow")
        if known and not known.get("state") and sweep.holder() is None:
            from vaelab.records.tracking import finish_sweep

            failed += not finish_sweep(sweep, "killed", {}, uri, output_dir)
    return failed
