"""MLflow mirrors run folders: also after kills, without a server for a while, and from many processes at once."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import free_port, mlflow_server
from support import BACKEND, ROOT, started, vaelab

from vaelab.records import run_folder as run_folder_module
from vaelab.records import tracking
from vaelab.records.run_folder import RunFolder, all_runs
from vaelab.records.sweep_folder import SweepFolder

mlflow = pytest.importorskip("mlflow")
CFG = {
    "seed": 0, "beta": 1.0, "latent_dim": 2, "model": {"_target_": "vaelab.models.dense.Dense", "layers": [8]},
    "trainer": {"epochs": 3, "threads": 1}, "tracking": {"enabled": True, "uri": None, "experiment": "vaelab"},
}  # fmt: skip


def run_folder(base: Path, name="run", epochs=0) -> RunFolder:
    folder = RunFolder(base / "outputs" / name)
    folder.write_config(CFG)
    folder.update_status(state="running", run_name=name, chosen={"model": "dense"})
    if epochs:
        folder.write_history(rows(epochs))
    return folder


def rows(n):
    return [{"epoch": e, "train/loss": 10.0 / e, "val/loss": 11.0 / e} for e in range(1, n + 1)]


def tracker(folder: RunFolder, base: Path, **more) -> tracking.Tracker:
    return tracking.Tracker(
        CFG["tracking"], output_dir=base / "outputs", folder=folder, cfg=more.pop("cfg", CFG), tags={}, **more
    )


def log(folder, base, epochs, first=1, **more) -> tracking.Tracker:
    """A process's life: opens the run and logs epochs."""
    mine = tracker(folder, base, **more)
    mine.log_dataset("digits", "0123", "here", {"train": 3})
    mine.start()
    for epoch in range(first, epochs + 1):
        folder.write_history(rows(epoch))
        mine.log_epochs(rows(epoch))
    return mine


def client(base: Path):
    return mlflow.MlflowClient(tracking.default_uri(base / "outputs"))


def steps(base, folder):
    history = client(base).get_metric_history(folder.status()["mlflow_run_id"], "train/loss")
    return [m.step for m in history]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder whose outputs/ hold one database for the tests here: making one takes seconds."""
    return tmp_path_factory.mktemp("tracking")


def test_a_resumed_run_goes_on_in_the_same_mlflow_run(store):
    folder = run_folder(store, "resumed")
    log(folder, store, 2)  # killed here
    first = folder.status()["mlflow_run_id"]
    again = log(folder, store, 3, first=2, cfg={**CFG, "trainer": {"epochs": 9, "threads": 1}})  # epoch 2 replayed
    folder.update_status(state="done")
    again.finish("done")
    assert folder.status()["mlflow_run_id"] == first and steps(store, folder) == [1, 2, 3]
    run = client(store).get_run(first)
    assert run.info.status == "FINISHED" and run.data.params["trainer.epochs"] == "3"
    assert run.data.tags["trainer.epochs"] == "9" and len(run.data.tags["vaelab.config_hash"]) == 8
    assert len(run.inputs.dataset_inputs) == 1
    assert folder.status()["mlflow_delivered"] is True


def test_a_run_says_what_it_is(store, monkeypatch):
    """Name, description, source and user; a picture in the grid of images once; the duration is the work's own."""
    folder = run_folder(store, "digits-dense-vae/2026")
    folder.update_status(run_name="digits-dense-vae/2026", started=1000.0, latent_dim=2)
    folder.add_metrics({"test/elbo": {"value": -25.5, "se": 0.25, "n": 360, "data": "grey"}})
    _picture(folder)
    log(folder, store, 2, cfg={**CFG, "seed": 3})
    folder.update_status(
        state="done", begun_again=5000.0, seconds_before=20.0, finished=5010.0
    )  # resumed, an hour after
    for _ in range(2):
        tracker(folder, store, cfg={**CFG, "seed": 3}).finish("done")
    found = client(store).get_run(folder.status()["mlflow_run_id"])
    assert found.info.run_name == "dense beta=1 latents=2 seed=3"
    assert (found.info.start_time, found.info.end_time) == (1_000_000, 1_030_000)
    tags = found.data.tags
    assert tags["mlflow.source.name"] == "vaelab" and tags["mlflow.user"] and tags["mlflow.loggedImages"] == "True"
    assert (
        "| test/elbo | -25.5 | ± 0.25 |" in tags["mlflow.note.content"] and "beta **1**" in tags["mlflow.note.content"]
    )
    images = [a.path for a in client(store).list_artifacts(found.info.run_id, "images")]
    assert len(images) == 2 and all(path.startswith("images/samples+step+0+timestamp+") for path in images)
    assert run_folder_module.find("dense beta=1 latents=2 seed=3", store / "outputs").path == folder.path
    experiment = tracking.newest_experiment(tracking.default_uri(store / "outputs"))
    assert client(store).get_experiment(experiment).name == "vaelab"
    assert tracking.newest_experiment("sqlite:////nowhere/mlflow.db") is None


def _picture(folder):
    from PIL import Image

    Image.new("RGB", (400, 300)).save(folder.figure_file("samples", "png"))
    folder.figure_file("broken", "png").write_text("no picture")


def test_the_model_of_a_run_is_one_of_mlflows(tmp_path):
    """What is beside vae.h5 is read by MLflow, with the inputs of the file."""
    import h5py

    from vaelab.records import logged_model

    assert logged_model.files(tmp_path / "vae.h5", tmp_path) == []
    layers = [{"class_name": "InputLayer", "config": {"name": n, "batch_shape": [None, *s]}}
              for n, s in (("image", (8, 8, 1)), ("condition", (10,)))]  # fmt: skip
    with h5py.File(tmp_path / "vae.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": layers}})
    made = logged_model.files(tmp_path / "vae.h5", tmp_path)
    assert [where for _, where in made] == ["model", "model/code", "model"]
    described = mlflow.models.Model.load(str(tmp_path / "MLmodel"))
    assert described.flavors["python_function"]["data"] == "vae.h5"
    assert [(i.name, i.shape) for i in described.signature.inputs.inputs] == [
        ("image", (-1, 8, 8, 1)), ("condition", (-1, 10))
    ]  # fmt: skip


def test_a_run_killed_before_it_noted_its_id_is_found_again(store):
    folder = run_folder(store, "unnoted")
    log(folder, store, 1)
    first = folder.status()["mlflow_run_id"]
    folder.update_status(mlflow_run_id=None, mlflow_uri=None)
    log(folder, store, 2)
    assert folder.status()["mlflow_run_id"] == first


def test_a_run_deleted_in_mlflow_is_begun_anew(store):
    folder = run_folder(store, "deleted")
    log(folder, store, 1)
    first = folder.status()["mlflow_run_id"]
    client(store).delete_run(first)
    log(folder, store, 2).finish("done")
    assert folder.status()["mlflow_run_id"] != first and steps(store, folder) == [1, 2]


def test_what_a_lost_connection_missed_is_delivered_when_it_is_back(store, monkeypatch, capsys):
    folder = run_folder(store, "away")
    mine = log(folder, store, 1)
    whole = mine.client

    class Away:
        def __getattr__(self, name):
            raise ConnectionError("nobody there")

    mine.client = Away()
    for epoch in (2, 3):
        mine.log_epochs(rows(epoch))
    told = capsys.readouterr().err
    assert told.count("warning: tracking") == 1 and "nobody there" in told
    assert folder.status()["mlflow_delivered"] is False
    mine.client = whole
    mine.log_epochs(rows(4))  # too early for another attempt
    assert steps(store, folder) == [1]
    mine.connection.again_at = 0.0
    mine.log_epochs(rows(5))
    assert steps(store, folder) == [1, 2, 3, 4, 5] and "works again" in capsys.readouterr().err


def test_sync_delivers_what_is_missing_and_ends_crashed_runs(store, monkeypatch):
    """One run was killed, one never reached MLflow, one is being trained."""
    killed, missed, running = (run_folder(store, name, 2) for name in ("killed", "missed", "running"))
    log(killed, store, 2)
    missed.update_status(state="done", mlflow_delivered=False)
    log(running, store, 1)
    sweep = SweepFolder(store / "outputs" / "sweeps" / "s")
    sweep.update_record(jobs={}, command="vaelab train -m")
    tracking.start_sweep(CFG["tracking"], store / "outputs", sweep)  # its launcher is killed
    monkeypatch.chdir(store)
    from vaelab import cli

    with running.locked():
        assert cli.main(["runs", "sync=true"]) == 0
    states = {}
    for folder in (killed, missed, running):
        states[folder.path.name] = client(store).get_run(folder.status()["mlflow_run_id"]).info.status
    assert states == {"killed": "KILLED", "missed": "FINISHED", "running": "RUNNING"}
    assert steps(store, missed) == [1, 2]
    assert client(store).get_run(sweep.record()["mlflow"]["run_id"]).info.status == "KILLED"


@pytest.fixture
def locked_database(tmp_path):
    path = tmp_path / "outputs" / "mlflow.db"
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE experiments (name)")
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.close()


def unusable(base: Path, kind: str) -> str:
    """Makes mlflow.db so; returns words of the warning."""
    path = base / "outputs" / "mlflow.db"
    path.parent.mkdir(exist_ok=True)
    if kind == "text":
        path.write_text("these are my notes\n" * 999)
        return "not a database"
    if kind == "another program's":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE recipes (name)")
        return "another program's: it has a table recipes"
    if kind == "cut short":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE experiments (name)")
        path.write_bytes(path.read_bytes()[:1500])
        return "malformed"
    path.mkdir()
    return "unable to open"


@pytest.mark.parametrize("kind", ["text", "another program's", "cut short", "folder", "locked"])
def test_a_database_that_cannot_be_used_costs_seconds_and_one_warning(kind, tmp_path, capsys, request):
    words = request.getfixturevalue("locked_database") or "locked" if kind == "locked" else unusable(tmp_path, kind)
    folder = run_folder(tmp_path)
    before = time.monotonic()
    log(folder, tmp_path, 3).finish("done")
    assert time.monotonic() - before < 15  # MLflow's import among it
    told = capsys.readouterr().err
    assert told.count("warning: tracking") == 1 and words in told and "Traceback" not in told
    assert folder.status()["mlflow_delivered"] is False
    if kind == "another program's":
        with contextlib.closing(sqlite3.connect(tmp_path / "outputs" / "mlflow.db")) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_database_server_that_is_not_there_costs_seconds(tmp_path, capsys):
    pytest.importorskip("psycopg")
    folder = run_folder(tmp_path)
    mine = tracker(folder, tmp_path)
    mine.uri = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    before = time.monotonic()
    mine.start()
    assert time.monotonic() - before < 15 and "warning: tracking" in capsys.readouterr().err


def test_results_go_to_the_users_own_store_only(tmp_path):
    """A store that only the folder names is not followed; typed now it is."""
    outputs, away = tmp_path / "outputs", tmp_path / "away"
    run, own, other = outputs / "digits" / "run", tracking.default_uri(outputs), tracking.default_uri(away)
    store_of = tracking.store_of
    for path in (run, outputs / "sweeps" / "s" / "job"):
        path.mkdir(parents=True)
    assert store_of(run, None, None, outputs) == own and store_of(run, own, None, outputs) == own
    assert store_of(run, "http://elsewhere", None, outputs) is None
    assert store_of(run, "http://elsewhere", "http://elsewhere", outputs) == "http://elsewhere"
    assert store_of(run, own, "http://mine", outputs) == "http://mine"
    for foreign in ("postgresql://elsewhere/x", "file:///etc", "mysql://x", "databricks", "sqlite:////etc/passwd"):
        assert store_of(run, foreign, None, outputs) is None
    (outputs / "mlflow.db").touch()
    for path in (run, outputs / "sweeps" / "s" / "job", outputs / "sweeps" / "s"):  # from another working directory
        assert store_of(path, own, None, away) == own
    for here in (away, tmp_path / "gone"):  # the second is where the run says that its store was
        assert store_of(run, tracking.default_uri(tmp_path / "gone"), None, here) == own
    away.mkdir()
    (away / "mlflow.db").touch()
    assert store_of(run, other, None, outputs) is None, "a store elsewhere that is there"


def test_a_run_resumed_from_another_working_directory_goes_on_in_its_store(store, tmp_path, monkeypatch):
    folder = run_folder(store, "moving")
    log(folder, store, 1)
    first = folder.status()["mlflow_run_id"]
    monkeypatch.chdir(tmp_path)
    mine = tracking.Tracker(CFG["tracking"], output_dir="outputs", folder=folder, cfg=CFG, tags={})
    mine.start()
    assert mine.run_id == first and mine.uri == tracking.default_uri(store / "outputs")
    assert not list(tmp_path.iterdir())


def test_a_server_that_only_the_folder_names_is_told_in_a_line(store, capsys):
    folder = run_folder(store, "foreign")
    folder.update_status(mlflow_uri="http://127.0.0.1:9", mlflow_run_id="0" * 32)
    mine = log(folder, store, 1)
    mine.finish("done")
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "add tracking.uri=http://127.0.0.1:9" in told
    assert mine.client is None and folder.status()["mlflow_delivered"] is False
    tracking.update_results(folder, None, store / "outputs")
    assert "MLflow was not updated" in capsys.readouterr().err


def test_a_store_that_nobody_named_writes_beside_itself_only(store, tmp_path, capsys):
    folder = run_folder(store, "trap")
    mine = log(folder, store, 1)
    trap = mine.client.create_experiment("trap", artifact_location=(tmp_path / "home").as_uri())
    folder.update_status(mlflow_run_id=mine.client.create_run(trap).info.run_id)
    tracking.update_results(folder, None, store / "outputs")
    assert "its files would go to file://" in capsys.readouterr().err and not (tmp_path / "home").exists()
    tracking.update_results(folder, mine.uri, store / "outputs")
    assert (tmp_path / "home").is_dir(), "typed, it is the user's own"


MANY = """
import sys
sys.path[:0] = sys.argv[4:]
from pathlib import Path
from records import test_tracking as t
base, sweep, n = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
folder = t.run_folder(base, f"sweeps/s/job{n}")
t.log(folder, base, 3, sweep_dir=sweep).finish("done")
assert folder.status()["mlflow_delivered"]
"""


@pytest.mark.slow
def test_four_processes_create_and_fill_one_database(tmp_path):
    sweep = SweepFolder(tmp_path / "outputs" / "sweeps" / "s")
    sweep.update_record(jobs={})
    words = [sys.executable, "-c", MANY, tmp_path, sweep.path]
    here = [str(ROOT / "tests"), str(ROOT)]
    jobs = [subprocess.Popen([*words, str(n), *here], stderr=subprocess.PIPE, text=True) for n in range(4)]
    for process in jobs:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0 and "warning" not in errors, errors
    (experiment,) = [e for e in client(tmp_path).search_experiments() if e.name == "vaelab"]
    found = client(tmp_path).search_runs([experiment.experiment_id])
    parents = {r.data.tags.get("mlflow.parentRunId") for r in found} - {None}
    assert len(found) == 5 and len(parents) == 1 and parents == {sweep.record()["mlflow"]["run_id"]}


# -- a real server -----------------------------------------------------------------------------------------------------


QUICK = ["model=dense", "metric=[elbo]", "plot=[]", f"backend={BACKEND}"]


@pytest.mark.slow
def test_a_sweep_with_postgresql_behind_the_server(postgres, tmp_path):
    with mlflow_server(postgres, tmp_path / "artifacts", free_port()) as uri:
        done = vaelab("train", "-m", *QUICK, "trainer=quick", "seed=0,1,2,3", "sweep_name=s", f"tracking.uri={uri}",
                      cwd=tmp_path)  # fmt: skip
        assert "warning: " not in done.stderr, done.stderr
        server = mlflow.MlflowClient(uri)
        experiment = server.get_experiment_by_name("vaelab").experiment_id
        found = {r.info.run_name: r for r in server.search_runs([experiment])}
        parent = found.pop("s")
        assert len(found) == 4 and {r.info.status for r in (parent, *found.values())} == {"FINISHED"}
        assert {r.data.tags["mlflow.parentRunId"] for r in found.values()} == {parent.info.run_id}
        for run in found.values():
            assert "test/elbo" in run.data.metrics
            assert {"models", "config.yaml"} <= {a.path for a in server.list_artifacts(run.info.run_id)}
        assert "report.html" in {a.path for a in server.list_artifacts(parent.info.run_id)}
    assert not (tmp_path / "outputs" / "mlflow.db").exists()


@pytest.mark.slow
def test_the_server_goes_away_in_the_middle(tmp_path):
    """Gone at the end: sync delivers. The training is not disturbed."""
    port, store = free_port(), f"sqlite:///{tmp_path}/server.db"
    with mlflow_server(store, tmp_path / "artifacts", port) as uri:
        training = started("train", *QUICK, "trainer.epochs=60", f"tracking.uri={uri}", cwd=tmp_path)
        while training.poll() is None and not any(tmp_path.glob("outputs/*/*/checkpoint/epoch-*")):
            time.sleep(0.02)
    _, errors = training.communicate(timeout=300)
    assert training.returncode == 0, errors
    assert errors.count("warning: tracking") == 1 and "Traceback" not in errors
    (folder,) = all_runs(tmp_path / "outputs")
    assert folder.status()["mlflow_delivered"] is False and folder.status()["state"] == "done"
    assert "not delivered" in vaelab("runs", cwd=tmp_path).stdout
    with mlflow_server(store, tmp_path / "artifacts", port) as uri:
        assert f"sync=true tracking.uri={uri}" in errors
        assert "MLflow was not updated" in vaelab("runs", "sync=true", cwd=tmp_path, check=False).stderr
        vaelab("runs", "sync=true", f"tracking.uri={uri}", cwd=tmp_path)
        run = mlflow.MlflowClient(uri).get_run(folder.status()["mlflow_run_id"])
        assert run.info.status == "FINISHED" and "test/elbo" in run.data.metrics
        history = mlflow.MlflowClient(uri).get_metric_history(run.info.run_id, "val/loss")
        assert sorted(m.step for m in history) == list(range(1, 61))
    assert "not delivered" not in vaelab("runs", cwd=tmp_path).stdout
    assert json.loads((folder.path / "status.json").read_text())["mlflow_state"] == "done"
