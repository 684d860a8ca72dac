"""The sweep tells MLflow of its jobs, from their folders: while they run, after they were killed, once it answers."""

import time

import pytest

from vaelab.records import tracking
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.sweeps import mirror
from vaelab.sweeps.job import Job
from vaelab.sweeps.mirror import Mirror, untold

mlflow = pytest.importorskip("mlflow")


def rows(n):
    return [{"epoch": e, "train/loss": 10.0 / e, "val/loss": 11.0 / e} for e in range(1, n + 1)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """One database for the tests here: making one takes seconds."""
    return tmp_path_factory.mktemp("mirror") / "outputs"


def sweep_of(outputs, name, n, uri=None):
    sweep = SweepFolder(outputs / "sweeps" / name)
    sweep.update_record(command="vaelab train -m", jobs={})
    jobs = []
    for number in range(n):
        cfg = {
            "model": {}, "output_dir": str(outputs), "trainer": {"threads": 1, "epochs": 3, "steps": None},
            "tracking": {"enabled": True, "uri": uri, "experiment": "vaelab"},
        }  # fmt: skip
        job = Job(number, [f"seed={number}"], f"seed={number}", RunFolder(sweep.path / f"seed-{number}"), cfg, {})
        job.prepare()
        jobs.append(job)
    return sweep, jobs


def train(job, epochs, state="running"):
    job.folder.write_history(rows(epochs))
    job.folder.update_status(state=state, tags={"backend": "jax"})


def await_(true, seconds=300):  # a busy machine
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def found(outputs, job):
    client = mlflow.MlflowClient(tracking.default_uri(outputs))
    run = client.get_run(job.status()["mlflow_run_id"])
    return run, [m.step for m in client.get_metric_history(run.info.run_id, "val/loss")]


def test_epochs_are_told_while_the_job_runs_and_its_end_with_the_files(outputs, monkeypatch):
    monkeypatch.setattr(mirror, "EVERY", 0.1)
    sweep, jobs = sweep_of(outputs, "s", 3)
    telling = Mirror(sweep, jobs)
    train(jobs[0], 1)
    await_(lambda: jobs[0].status().get("mlflow_run_id"))
    train(jobs[0], 2)
    await_(lambda: found(outputs, jobs[0])[1] == [1, 2])
    assert found(outputs, jobs[0])[0].info.status == "RUNNING"
    train(jobs[0], 3, "done")
    train(jobs[1], 1, "failed")  # the third never began
    telling.close()
    run, steps = found(outputs, jobs[0])
    assert run.info.status == "FINISHED" and steps == [1, 2, 3] and run.data.tags["backend"] == "jax"
    assert found(outputs, jobs[1])[0].info.status == "FAILED" and "mlflow_run_id" not in jobs[2].status()
    assert run.data.tags["mlflow.parentRunId"] == sweep.record()["mlflow"]["run_id"]
    assert not untold(jobs[0]) and not untold(jobs[1])


def test_what_a_killed_sweep_left_untold_is_told_by_the_next(outputs):
    sweep, jobs = sweep_of(outputs, "killed", 2)
    train(jobs[0], 3, "done")  # nobody was there to tell
    train(jobs[1], 3, "done")
    jobs[1].folder.update_status(mlflow_delivered=True, mlflow_state="done")
    assert [untold(job) for job in jobs] == [True, False]
    Mirror(sweep, jobs).close()
    assert found(outputs, jobs[0])[1] == [1, 2, 3] and not untold(jobs[0])
    assert "mlflow_run_id" not in jobs[1].status()


def test_a_store_that_does_not_work_is_warned_of_once(tmp_path, caplog):
    (tmp_path / "mlflow.db").write_text("these are my notes\n" * 999)
    sweep, jobs = sweep_of(tmp_path, "s", 4)
    for job in jobs:
        train(job, 2, "done")
    with caplog.at_level("INFO", "vaelab"):
        Mirror(sweep, jobs).close()
    told = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len([t for t in told if "tracking at" in t]) == 1 and all("not a database" in t for t in told)
    assert all(untold(job) for job in jobs)
