"""Every run of an output folder as a row: what `vaelab runs` shows."""

import logging

from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError, RunError
from vaelab.records import run_folder
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

COLUMNS = (
    "dataset", "run_name", "model", "objective", "beta", "latent_dim", "seed", "elbo", "elbo_critic", "epochs", "state",
    "mlflow", "age", "run",
)  # fmt: skip


def rows(output_dir, filters: dict | None = None) -> list[dict]:
    """{column: value, "folder", "facts"} of each run, oldest first; one that is damaged is named and left out.

    Args:
        filters: {column: the value that it has in the runs that are wanted}.
    """
    found = []
    for folder in run_folder.all_runs(output_dir):
        try:
            found.append(row(folder))
        except RunError as error:
            log.log(NOTE, f"a run is left out: {error}")
    return [row for row in found if all(row[k] == v for k, v in (filters or {}).items())]


def with_columns(rows: list[dict], columns) -> list[dict]:
    """The rows with these columns: those of the table, facts of the run, settings, metrics (`.se`: standard error).

    Raises:
        ConfigError: a column that no run has.
    """
    _check_there(rows, columns, "columns")
    return [{k: value(row, k) for k in columns} for row in rows]


def _check_there(rows: list[dict], columns, setting: str) -> None:
    known = {*COLUMNS, *(name for row in rows for name in row["facts"])}
    for name in columns:
        if rows and name not in known:
            raise ConfigError(f"{setting}: no run has '{name}'. {nearest(name, known)}")


def value(row: dict, column: str):
    """What a row has in a column; None where it has none."""
    return row[column] if column in COLUMNS else row["facts"].get(column)


def in_order(rows: list[dict], column: str | None, n: int | None = None) -> list[dict]:
    """The rows by a column, those without a value first, the last n; runs of one dataset together, which is where
    numbers can be compared.

    Args:
        column: any that some run has; None for the age, the newest last.

    Raises:
        ConfigError: no run has such a column.
    """
    column = column or "age"
    _check_there(rows, [column], "sort")
    found = [(value(row, column), row) for row in rows]
    found.sort(key=lambda pair: (pair[0] is not None, isinstance(pair[0], str), *_comparable(pair[0])))
    kept = [row for _, row in found][-n if n else 0 :]
    last = {row["dataset"]: place for place, row in enumerate(kept)}
    return sorted(kept, key=lambda row: last[row["dataset"]])


def _comparable(value) -> tuple:
    if value is None:
        return ()
    return (value,) if isinstance(value, int | float | str) else (str(value),)


def row(folder) -> dict:
    """A run as a row; RunError where it is damaged."""
    status, stored = folder.status(), folder.read_config()
    chosen, metrics = status.get("chosen") or {}, folder.read_metrics()
    return {
        "run": str(folder),
        "run_name": status.get("run_name"),
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
        "mlflow": delivery(status),
        "age": status.get("started"),
        "folder": folder,
        "facts": folder.facts(),
    }


def delivery(status) -> str:
    """Whether MLflow knows all that is known here."""
    if "mlflow_delivered" not in status:
        return "-"
    if status.get("state") in ("running", "queued"):
        return "running"
    up_to_date = status["mlflow_delivered"] and status.get("mlflow_state") == status.get("state")
    return "yes" if up_to_date else "not delivered"
