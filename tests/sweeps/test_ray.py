"""Sweeps on a real Ray cluster of several nodes on this machine, MLflow on PostgreSQL behind its server."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
import scripts
from scripts import script_job
from servers import documented, free_port, mlflow_server, ray_cluster
from support import BACKEND, ROOT, same_weights, vaelab

from vaelab.sweeps import watch
from vaelab.sweeps.ray import RayPool
from vaelab.sweeps.running import run_all

ray = pytest.importorskip("ray", reason='ray is not installed: pip install "vaelab[ray]"')
cloudpickle = pytest.importorskip("ray.cloudpickle")
pytestmark = [pytest.mark.slow, pytest.mark.alone]

EPOCHS = 40
QUICK = ["trainer=quick", f"trainer.epochs={EPOCHS}", "metric=[elbo]", "plot=[]", f"backend={BACKEND}"]


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one core each. The last test kills one."""
    with ray_cluster(2) as cluster:
        yield cluster


def test_whatever_ends_a_job_costs_no_other(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", "/shared/cache")
    cloudpickle.register_pickle_by_value(scripts)
    where = "import os; print(os.getcwd(), os.environ['VAELAB_CACHE'], os.environ['OMP_NUM_THREADS']); state('done')"
    ends = ["os.abort()", "os.kill(os.getpid(), 9)", "raise ValueError('mine alone')", "sys.exit(3)"]
    hungry = "x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)"
    jobs = [script_job(tmp_path, n, f"import os; {s}") for n, s in enumerate([*ends, hungry, where, "state('done')"])]
    worker = {"threads": 1, "device": "cpu", "memory_limit": 0.3, "timeout_min": None, "fresh_processes": True}
    pool = RayPool(n_jobs=None, address=cluster.address, gpus=0, worker=worker)
    assert pool.n_jobs == 2 and "2 cores" in pool.where
    with watch.Watch(jobs, title="test", n_jobs=2) as watching:
        assert run_all(jobs, pool, watching)
    assert [j.state for j in jobs] == ["failed"] * 5 + ["done"] * 2, [j.message for j in jobs]
    assert "SIGABRT" in jobs[0].message and "SIGKILL" in jobs[1].message and jobs[2].message.endswith("mine alone")
    assert "hydra.launcher.memory_limit=0.3" in jobs[4].message
    assert jobs[5].log_tail(1) == [f"{os.getcwd()} /shared/cache 1"]


DRIVER = """
import sys
from pathlib import Path
import ray.cloudpickle
import scripts
from vaelab.sweeps.ray import RayPool
from vaelab.sweeps.running import run_all
from vaelab.sweeps.watch import Watch
ray.cloudpickle.register_pickle_by_value(scripts)
jobs = [scripts.script_job(Path(sys.argv[2]), 0, sys.argv[3])]
worker = {"threads": 1, "device": "cpu", "memory_limit": None, "timeout_min": None, "fresh_processes": True}
pool = RayPool(n_jobs=1, address=sys.argv[1], gpus=0, worker=worker)
with Watch(jobs, title="test", n_jobs=1) as watching:
    run_all(jobs, pool, watching)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_end_with_the_sweep(cluster, how, tmp_path):
    script = "import os, signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
    script += "signal.signal(signal.SIGTERM, end); (folder / 'pid').write_text(str(os.getpid())); time.sleep(600)"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, cluster.address, tmp_path, script], env={**os.environ, "PYTHONPATH": paths}
    )
    pid = tmp_path / "job0" / "pid"
    while not (pid.exists() and pid.read_text()):
        assert driver.poll() is None
        time.sleep(0.05)
    job = psutil.Process(int(pid.read_text()))
    driver.send_signal(how)
    driver.wait(60)
    job.wait(60)
    if how == signal.SIGTERM:
        assert '"interrupted"' in (tmp_path / "job0" / "status.json").read_text()


def test_a_machine_lost_in_the_middle_costs_no_epoch_and_no_result(cluster, postgres, tmp_path):
    """The weights are those of a sweep on this machine, nothing is trained twice, MLflow has all of it."""
    sweep = tmp_path / "shared" / "sweeps" / "seeds"
    with mlflow_server(postgres, tmp_path / "artifacts", free_port()) as uri:
        places = {"HEAD:6379": cluster.address, "/shared/outputs": tmp_path / "shared", "http://HEAD:5000": uri}
        beginning = "vaelab train -m dataset=digits model=dense seed=0,1,2 sweep_name=seeds cluster=ray"
        command = [*documented(beginning, **places), *QUICK]
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None and sum(epochs(job) >= 5 for job in sweep.glob("*/run.log")) < 2:
            time.sleep(0.02)
        dead = cluster.kill(0)
        out, errors = process.communicate(timeout=600)
        assert process.returncode == 0, out + errors
        assert "2 at once on a Ray cluster of 2 cores" in out
        assert errors.count("It begins again, from its last epoch.") == 1, errors
        assert any("vaelab.sweeps.warm" in " ".join(words) for words in dead.values()), "a job was running there"
        check_mlflow(uri)
    local = [word for word in command[1:] if not word.startswith(("cluster", "hydra", "output_dir", "tracking"))]
    vaelab(*local, f"output_dir={tmp_path}/here", "tracking=none", cwd=tmp_path)
    jobs = sorted(path.parent for path in sweep.glob("*/vae.h5"))
    assert len(jobs) == 3
    for job in jobs:
        assert same_weights(job, tmp_path / "here" / "sweeps" / "seeds" / job.name)
    assert 3 * EPOCHS <= sum(epochs(job / "run.log") for job in jobs) <= 3 * EPOCHS + 1
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(sweep) in " ".join(p.info["cmdline"] or [])]


def epochs(log) -> int:
    """Those that a job's log tells of."""
    return len(re.findall(r"^ *\d+/\d+ ", log.read_text(), re.M))


def check_mlflow(uri) -> None:
    """Every job with all its epochs, numbers and files, below the sweep's own run."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    found = {r.info.run_name: r for r in client.search_runs([client.get_experiment_by_name("vaelab").experiment_id])}
    parent = found.pop("seeds")
    assert len(found) == 3 and {r.info.status for r in (parent, *found.values())} == {"FINISHED"}
    for run in found.values():
        steps = [m.step for m in client.get_metric_history(run.info.run_id, "val/loss")]
        assert sorted(steps) == list(range(1, EPOCHS + 1)) and "test/elbo" in run.data.metrics
        assert {"models", "config.yaml"} <= {a.path for a in client.list_artifacts(run.info.run_id)}
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "report.html" in {a.path for a in client.list_artifacts(parent.info.run_id)}
