"""`vaelab runs`: what was trained, newest last, with filters."""

import time

from vaelab import runs
from vaelab.errors import ConfigError


def run(cfg) -> int:
    """Prints the table; `sync=true` brings MLflow up to date with runs it missed."""
    found = [row for row in map(_row, runs.all_runs(cfg.output_dir)) if _wanted(row, cfg)]
    if cfg.sync:
        return _sync(found, cfg)
    if not found:
        print(f"No runs under {cfg.output_dir}" + (" match." if _filters(cfg) else " yet. Train one: vaelab train"))
        return 0
    if cfg.sort:
        if cfg.sort not in found[0]:
            raise ConfigError(
                f"sort: expected one of {', '.join(k for k in found[0] if k != 'folder')}, got '{cfg.sort}'."
            )
        found.sort(key=lambda r: (r[cfg.sort] is None, r[cfg.sort]))
    _print(found[-cfg.n :] if cfg.n else found)
    return 0


def _filters(cfg) -> dict:
    return {k: v for k, v in cfg.filter.items() if v is not None}


def _wanted(row, cfg) -> bool:
    return all(row[k] == v for k, v in _filters(cfg).items())


def _row(folder) -> dict:
    status = folder.status()
    try:
        stored = folder.read_config()
    except runs.RunError:
        stored = {}
    chosen, metrics = status.get("chosen", {}), folder.read_metrics()
    elbo = metrics.get("test/elbo") or metrics.get("test/elbo_critic") or {}
    return {
        "run": str(folder),
        "dataset": chosen.get("dataset"),
        "model": chosen.get("model"),
        "objective": chosen.get("objective"),
        "beta": stored.get("beta"),
        "latent_dim": stored.get("latent_dim"),
        "seed": stored.get("seed"),
        "elbo": elbo.get("value"),
        "epochs": status.get("epochs") or (folder.read_history() or [{"epoch": 0}])[-1]["epoch"],
        "state": status.get("state"),
        "mlflow": _delivery(status),
        "age": status.get("started"),
        "folder": folder,
    }


def _delivery(status) -> str:
    """Whether MLflow knows all that is known here."""
    if "mlflow_delivered" not in status:
        return "-"
    if status.get("state") in ("running", "queued"):
        return "running"
    up_to_date = status["mlflow_delivered"] and status.get("mlflow_state") == status.get("state")
    return "yes" if up_to_date else "not delivered"


def _print(rows) -> None:
    columns = [k for k in rows[0] if k != "folder"]
    cells = [columns, *([_cell(name, row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    numbers = {"beta", "latent_dim", "seed", "elbo", "epochs", "age"}
    for line in cells:
        aligned = (c.rjust(w) if n in numbers else c.ljust(w) for n, c, w in zip(columns, line, widths))
        print("  ".join(aligned).rstrip())


def _cell(name, value) -> str:
    if value is None:
        return "-"
    if name == "age":
        return _age(time.time() - value)
    return f"{value:,.2f}" if name == "elbo" else f"{value:g}" if isinstance(value, float) else str(value)


def _age(seconds: float) -> str:
    seconds = max(0, seconds)  # a clock may be set back
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _sync(rows, cfg) -> int:
    from vaelab.tracking import deliver

    missing = [r for r in rows if r["mlflow"] == "not delivered"]
    failed = 0
    for row in missing:
        stored = row["folder"].read_config()
        if not stored["tracking"]["enabled"]:
            continue
        ok = deliver(row["folder"], stored, row["folder"].status().get("tags", {}), cfg.output_dir)
        failed += not ok
        print(f"{'delivered' if ok else 'not delivered'}: {row['run']}")
    failed += _sync_sweeps(cfg.output_dir)
    print(f"{len(missing)} runs to deliver, {failed} failed.")
    return 1 if failed else 0


def _sync_sweeps(output_dir) -> int:
    """Ends the MLflow runs of sweeps whose launcher was killed; returns how many could not be."""
    from vaelab.tracking import finish_sweep

    failed = 0
    for sweep in runs.all_sweeps(output_dir):
        known = sweep.record().get("mlflow")
        if known and not known.get("state") and sweep.holder() is None:
            failed += not finish_sweep(sweep, "killed", {})
    return failed
