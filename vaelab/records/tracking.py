"""MLflow: the only code that imports it. Trouble here costs a warning, never a run; `deliver` brings it up to date.

A `uri` (or `typed`) that is handed in is the store that the user names now, or None.
"""

import contextlib
import getpass
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from vaelab.config.flat import flat
from vaelab.config.folders import config_hash
from vaelab.errors import RunError, first_line, visible
from vaelab.records import card, logged_images, logged_model
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

# Seconds between attempts to reach a server that went away: the first, and the longest.
WAIT, LONGEST_WAIT = 20, 600
# Attempts of MLflow's to open a database (it makes 10, which take 100 s), seconds for one that another process keeps
# locked, and for a process that is making its tables.
ATTEMPTS, LOCKED, MAKING_TABLES = 3, 3.0, 60.0
FINAL = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "killed": "KILLED"}


def default_uri(output_dir) -> str:
    """The sqlite store of an output folder."""
    return f"sqlite:///{Path(output_dir).resolve() / 'mlflow.db'}"


def store_of(path: Path, named: str | None, typed: str | None, output_dir) -> str | None:
    """The store that a run's or sweep's results go to; None where only its folder names it.

    A folder may come from anybody, so what it says of its store is not followed. Results go to the store that was typed
    now, to the sqlite file of the outputs the folder lies in (also from another working directory) or to that of
    `output_dir`.

    Args:
        path: of the folder.
        named: the store it says it is in.
        typed: `tracking.uri` of this command, or None.
    """
    if typed:
        return typed
    own = default_uri(output_dir)
    if not named:
        return own
    files = (p / "mlflow.db" for p in path.parents[:3])
    around = next((file.parent for file in files if file.is_file() and not file.is_symlink()), None)
    moved = named.startswith("sqlite:///") and not Path(named.removeprefix("sqlite:///")).exists()
    if around is not None and (moved or named == default_uri(around)):
        return default_uri(around)
    return own if moved or named == own else None


def _elsewhere(what, named: str) -> str:
    """Why a folder's results went nowhere."""
    return f"MLflow was not updated: {what} says it is in {named}. If that is yours, add tracking.uri={visible(named)}"


class Connection:
    """What a process knows of the store it tells: clients, whether it answers, when to try again.

    The runs of a sweep share one, so that a server that went away is warned of once and not asked again by each.
    """

    def __init__(self):
        self.working, self.wait, self.again_at = True, WAIT, 0.0
        self._clients: dict[str, Any] = {}

    def client(self, uri: str):
        """The client of a store, made once."""
        if uri not in self._clients:
            self._clients[uri] = _client(uri)
        return self._clients[uri]


class Tracker:
    """One run in MLflow, mirrored from its folder.

    Args:
        settings: the `tracking` node; its uri is one of the user's own, see `store_of`.
        output_dir: where the sqlite store lies by default.
        folder: the run.
        cfg: resolved configuration.
        tags: what is known about the run.
        sweep_dir: folder of the sweep the run belongs to, or None.
        connection: shared with other runs, or None.
    """

    def __init__(
        self, settings: dict, *, output_dir, folder: RunFolder, cfg: dict, tags: dict, sweep_dir=None,
        connection: Connection | None = None,
    ):  # fmt: skip
        self.connection = connection or Connection()
        self.settings, self.output_dir, self.folder, self.cfg = settings, Path(output_dir), folder, cfg
        self.tags, self.sweep_dir = tags, sweep_dir
        named = folder.status().get("mlflow_uri") or cfg["tracking"].get("uri")
        store = store_of(folder.path, named, settings["uri"], output_dir)
        if store is None and settings["enabled"]:
            log.log(NOTE, _elsewhere(folder, named))
            folder.update_status(mlflow_delivered=False)
        elif store and store != settings["uri"]:  # artifacts lie beside a store of ours
            self.output_dir = Path(store.removeprefix("sqlite:///")).parent
        self.uri, self.enabled = store or "", settings["enabled"] and store is not None
        self.client: Any = None  # an MlflowClient, once the run is opened
        self.run_id, self.logged_epochs = "", 0

    @property
    def working(self) -> bool:
        """Whether what was told last has arrived."""
        return self.enabled and self.connection.working

    def start(self) -> None:
        """Opens the run (the same one again on resume)."""
        self._safely(lambda: None)

    def _start(self):
        self.client = self.connection.client(self.uri)
        status = self.folder.status()
        known = status.get("mlflow_run_id") if status.get("mlflow_uri") == self.uri else None
        experiment = _experiment(self.client, self.uri, self.settings["experiment"], self.output_dir)
        self.run_id = known if known and _exists(self.client, known) else self._of_this_folder(experiment)
        self.run_id = self.run_id or self._create(experiment)
        facts = {"mlflow_run_id": self.run_id, "mlflow_uri": self.uri}
        self.folder.update_status(**facts, mlflow_delivered=False, mlflow_state="running")
        self.client.update_run(self.run_id, status="RUNNING")
        self._describe()
        known = self.client.get_metric_history(self.run_id, "train/loss")
        self.logged_epochs = max((metric.step for metric in known), default=0)

    def _of_this_folder(self, experiment: str) -> str:
        """A run made by a process that was killed before it could note its id."""
        named = f"tags.`vaelab.folder` = '{self.folder.path}'" if "'" not in str(self.folder.path) else "run_id = ''"
        found = self.client.search_runs([experiment], filter_string=named, max_results=1)
        return found[0].info.run_id if found else ""

    def _create(self, experiment: str) -> str:
        status = self.folder.status()
        tags = {"vaelab.folder": str(self.folder.path), **_source(self.tags)}
        if self.sweep_dir:
            tags["mlflow.parentRunId"] = _parent(self.client, self.uri, experiment, SweepFolder(self.sweep_dir))
        own = self.folder.path.name if self.sweep_dir else card.name(status, self.cfg)  # a job's says what differs
        name = self.cfg.get("run_name") or own
        self.folder.update_status(mlflow_name=name)
        began = status.get("started")
        start = None if began is None else int(1000 * began)
        return self.client.create_run(experiment, start_time=start, run_name=name, tags=tags).info.run_id

    def _describe(self):
        """Parameters (which cannot change later), tags and dataset; once, also where a first attempt was cut off."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

        known = self.client.get_run(self.run_id)
        chosen = self.folder.status().get("chosen") or {}
        params = {k: str(v)[:6000] for k, v in {**chosen, **flattened(self.cfg)}.items()}
        new = [Param(k, v) for k, v in params.items() if k not in known.data.params]
        tags = {**self.tags, "vaelab.config_hash": config_hash(self.cfg)}
        tags |= {k: v for k, v in params.items() if known.data.params.get(k, v) != v}  # trained for longer
        run_tags = [RunTag(k, str(v)[:5000]) for k, v in tags.items() if v is not None]
        for start in range(0, max(len(new), len(run_tags)), 100):
            chunk = slice(start, start + 100)
            self.client.log_batch(self.run_id, params=new[chunk], tags=run_tags[chunk])
        facts = self.folder.status().get("dataset")
        if facts and not (known.inputs and known.inputs.dataset_inputs):
            dataset = Dataset(source_type="local", **facts)
            inputs = DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
            self.client.log_inputs(self.run_id, datasets=[inputs])

    def log_dataset(self, name: str, digest: str, source: str, profile: dict) -> None:
        """Notes the dataset with its checksum; MLflow is told when the run is opened there."""
        facts = {"name": name, "digest": digest, "source": json.dumps({"uri": source}), "profile": json.dumps(profile)}
        self.folder.update_status(dataset=facts, **({"mlflow_delivered": False} if self.enabled else {}))

    def log_epochs(self, rows: list[dict]) -> None:
        """The values of those epochs that MLflow has not been told of yet, in one call.

        Args:
            rows: all epochs so far.
        """
        self._safely(self._log_rows, rows)

    def _log_rows(self, rows):
        new = (row for row in rows if row["epoch"] > self.logged_epochs)
        values = ((key, value, row["epoch"]) for row in new for key, value in row.items() if key != "epoch")
        _log_metrics(self.client, self.run_id, values)
        self.logged_epochs = max([self.logged_epochs, *(int(row["epoch"]) for row in rows)])

    def finish(self, state: str, *, at_once: bool = True) -> None:
        """Final metrics and files, and the run's status; also delivers epochs a lost connection left behind.

        Args:
            at_once: whether to try although the store has just not answered.
        """
        if self.enabled:
            if at_once:
                self.connection.again_at = 0.0
            self._safely(self._finish, state)

    def _finish(self, state):
        self._log_rows(self.folder.read_history())
        log_results(self.client, self.run_id, self.folder, self.settings["uri"])
        start = self.client.get_run(self.run_id).info.start_time
        seconds = self.folder.own_seconds()
        end = None if seconds is None else start + int(1000 * seconds)
        self.client.set_terminated(self.run_id, status=FINAL[state], end_time=end)
        self.folder.update_status(mlflow_delivered=True, mlflow_state=state)

    def _safely(self, function, *arguments):
        """Calls; on an error warns once and tries again later, at the latest when the run ends or by `deliver`."""
        here = self.connection
        if not self.enabled or time.monotonic() < here.again_at:
            return
        try:
            if not self.run_id:
                self._start()
            refuse_unusable(self.uri)
            function(*arguments)
            if not here.working:
                log.log(NOTE, f"tracking at {self.uri} works again; what it missed is delivered.")
            here.working, here.wait = True, WAIT
        except Exception as error:  # whatever tracking does, training must go on
            here.again_at, here.wait = time.monotonic() + here.wait, min(2 * here.wait, LONGEST_WAIT)
            if here.working:
                typed = f" tracking.uri={self.uri}" if self.uri == self.settings["uri"] else ""
                log.warning(
                    f"tracking at {self.uri} does not work ({first_line(error)}). The run folder has "
                    f"everything; it is tried again, and vaelab runs sync=true{typed} delivers it later."
                )
            here.working = False
            with contextlib.suppress(OSError, RunError):
                self.folder.update_status(mlflow_delivered=False)


def deliver(folder: RunFolder, cfg: dict, tags: dict, output_dir, uri: str | None) -> bool:
    """Brings MLflow up to date with a folder; True if that worked."""
    folder.check_links()
    settings = {**cfg["tracking"], "uri": uri}
    tracker = Tracker(settings, output_dir=output_dir, folder=folder, cfg=cfg, tags=tags, sweep_dir=folder.sweep_dir)
    state = folder.status().get("state", "failed")
    tracker.finish(state if state in FINAL else "failed")
    return tracker.working


def log_results(client, run_id: str, folder: RunFolder, typed: str | None) -> None:
    """metrics.json as metrics, every file as an artifact, pictures for the grid of images, the card as description."""
    _check_artifacts(client, run_id, typed)
    last = folder.status().get("epochs") or 0  # not before what was measured during training
    _log_metrics(client, run_id, ((k, v["value"], last) for k, v in folder.read_metrics().items()))
    client.set_tag(run_id, "mlflow.note.content", card.markdown(folder))
    with tempfile.TemporaryDirectory(prefix="vaelab-") as made:
        found = [*folder.files(), *logged_model.files(folder.model_file("vae"), Path(made))]
        pictures = logged_images.files(folder.path / "figures", last, Path(made))
        for path, where in (*found, *pictures):
            client.log_artifact(run_id, str(path), where or None)
    if pictures:
        client.set_tag(run_id, "mlflow.loggedImages", True)


def _source(tags: dict) -> dict:
    """MLflow's own tags on who trained a run with what."""
    found = {"mlflow.source.name": "vaelab", "mlflow.source.type": "LOCAL"}
    if commit := tags.get("git.commit"):
        found["mlflow.source.git.commit"] = commit
    with contextlib.suppress(OSError, KeyError):  # a user without a name, as in a container
        found["mlflow.user"] = getpass.getuser()
    return found


def newest_experiment(uri: str) -> str | None:
    """Id of the experiment that a store's newest run is of; None where it has no runs, or cannot be asked."""
    import sqlite3

    with contextlib.suppress(Exception):  # a page is served all the same
        if uri.startswith("sqlite:///"):
            query = "SELECT experiment_id FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time DESC LIMIT 1"
            with contextlib.closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
                return str(connection.execute(query).fetchone()[0])
        client = _client(uri)
        ids = [experiment.experiment_id for experiment in client.search_experiments()]
        newest = client.search_runs(ids, order_by=["attributes.start_time DESC"], max_results=1)
        return newest[0].info.experiment_id
    return None


def _log_metrics(client, run_id: str, values) -> None:
    """(key, value, epoch) of each metric that is a finite number, in calls as large as MLflow takes them."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    finite = ((k, float(v), int(epoch)) for k, v, epoch in values if v is not None and math.isfinite(v))
    metrics = [Metric(key, value, now, epoch) for key, value, epoch in finite]
    for start in range(0, len(metrics), 500):
        client.log_batch(run_id, metrics=metrics[start : start + 500])


def update_results(folder: RunFolder, uri: str | None, output_dir) -> None:
    """After `evaluate` or `plot`: the new numbers and pictures into the same MLflow run, if it has one."""
    status = folder.status()
    if not status.get("mlflow_run_id"):
        return
    named = status.get("mlflow_uri") or ""
    store = store_of(folder.path, named, uri, output_dir)
    if store is None:
        log.log(NOTE, _elsewhere(folder, named))
        return
    try:
        log_results(_client(store), status["mlflow_run_id"], folder, uri)
    except Exception as error:
        log.warning(f"MLflow run {status['mlflow_run_id']} was not updated ({first_line(error)}).")


def _check_artifacts(client, run_id: str, typed: str | None) -> None:
    """PermissionError where a store that nobody named would have files written outside the folder it lies in."""
    if typed:
        return
    base = Path(client.tracking_uri.removeprefix("sqlite:///")).parent
    to = client.get_run(run_id).info.artifact_uri
    parts = urlsplit(to)
    if parts.scheme not in ("", "file") or not Path(os.path.realpath(unquote(parts.path))).is_relative_to(base):
        raise PermissionError(f"its files would go to {to}, outside {base}; tracking.uri=sqlite:///... allows it")


def flattened(cfg: dict) -> dict:
    """{"model.filters": 64, ...}: short values only; metrics and plots are in config.yaml."""
    top, anywhere = (
        {"metrics", "plots", "tracking", "explorer", "expect"},
        {"_target_", "files", "folders", "licence", "sha256"},
    )
    found = ((k, v, k.split(".")) for k, v in flat(cfg) if v is not None)
    return {k: v for k, v, names in found if names[0] not in top and not anywhere & set(names)}


def _client(uri: str):
    """An MLflow client that gives up soon instead of hanging a training."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from filelock import FileLock
    from mlflow import MlflowClient
    from mlflow.store.db import utils as database_utils

    database_utils.MAX_RETRY_COUNT = ATTEMPTS
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each attempt to reach a server; the last one is told
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback for what we tell in a sentence
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///"))
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{database}.lock", timeout=MAKING_TABLES):  # two processes must not create the tables at once
            refuse_unusable(uri)
            client = MlflowClient(tracking_uri=uri)
            client.search_experiments(max_results=1)
            return client
    return MlflowClient(tracking_uri=uri)


def refuse_unusable(uri: str) -> None:
    """Fails soon where a sqlite file is broken, locked or another program's; MLflow would wait, or add its tables.

    Raises:
        sqlite3.DatabaseError: what is wrong with it.
    """
    import sqlite3

    database = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or not database.exists():
        return
    with contextlib.closing(sqlite3.connect(database, timeout=LOCKED, isolation_level=None)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {name for name in tables if not name.startswith(("alembic_", "sqlite_"))}
        if tables and "experiments" not in tables:
            raise sqlite3.DatabaseError(f"{database.name} is another program's: it has a table {min(tables)}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _experiment(client, uri: str, name: str, output_dir: Path) -> str:
    """Id of the experiment, made where it is missing; local stores keep artifacts beside the database."""
    from filelock import FileLock

    output_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(str(output_dir.resolve() / ".mlflow-experiment.lock"), timeout=MAKING_TABLES):
        found = client.get_experiment_by_name(name)
        if found:
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return found.experiment_id
        location = (output_dir.resolve() / "mlartifacts").as_uri() if uri.startswith("sqlite") else None
        tags = {"mlflow.experimentKind": "custom_model_development"}  # the pages for training, not those for prompts
        try:
            return client.create_experiment(name, artifact_location=location, tags=tags)
        except Exception:  # another machine made it in this moment
            if (found := client.get_experiment_by_name(name)) is None:
                raise
            return found.experiment_id


def _parent(client, uri: str, experiment: str, sweep: SweepFolder) -> str:
    """Id of the sweep's parent run; made where the server has none yet."""
    from filelock import FileLock

    with FileLock(str(sweep.path / ".mlflow-parent.lock"), timeout=MAKING_TABLES):
        known = sweep.record().get("mlflow", {})
        if known.get("uri") == uri and _exists(client, known["run_id"]):
            return known["run_id"]
        tags = {"vaelab.sweep": sweep.name, "vaelab.folder": str(sweep.path)}
        run_id = client.create_run(experiment, run_name=sweep.name, tags=tags).info.run_id
        sweep.update_record(mlflow={"run_id": run_id, "uri": uri, "experiment": experiment})
        return run_id


def _or_warning(what: str):
    """A function on a store as one that returns whether it worked; an error becomes a warning."""

    def wrap(function: Callable[..., None]) -> Callable[..., bool]:
        @wraps(function)
        def told(*arguments) -> bool:
            try:
                function(*arguments)
                return True
            except Exception as error:
                log.warning(f"{what} in MLflow ({first_line(error)}).")
                return False

        return told

    return wrap


@_or_warning("the sweep's own run could not be made")
def start_sweep(settings: dict, output_dir, sweep: SweepFolder) -> None:
    """The parent run, made before the first job and marked as running; True if that worked."""
    uri = settings["uri"] or default_uri(output_dir)
    client = _client(uri)
    experiment = _experiment(client, uri, settings["experiment"], Path(output_dir))
    run_id = _parent(client, uri, experiment, sweep)
    client.update_run(run_id, status="RUNNING")
    sweep.update_record(mlflow={"run_id": run_id, "uri": uri, "experiment": experiment})
    client.set_tag(run_id, "vaelab.command", sweep.record().get("command", "")[:5000])


@_or_warning("the sweep's own run is not up to date")
def finish_sweep(sweep: SweepFolder, state: str | None, scores: dict, uri: str | None, output_dir) -> None:
    """Report, numbers and state of the parent run; True if that worked.

    Args:
        state: None to leave it as it is.
    """
    known = sweep.record()["mlflow"]
    store = store_of(sweep.path, str(known["uri"]), uri, output_dir)
    if store is None:
        raise PermissionError(_elsewhere(sweep, str(known["uri"])))
    client = _client(store)
    _check_artifacts(client, known["run_id"], uri)
    for name, value in scores.items():
        client.log_metric(known["run_id"], name, float(value))
    for path, where in sweep.files():
        client.log_artifact(known["run_id"], str(path), where or None)
    if state is not None:
        client.set_terminated(known["run_id"], status=FINAL[state])
        sweep.update_record(mlflow={**known, "state": state})


def _exists(client, run_id: str) -> bool:
    """Whether the store still has a run."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
