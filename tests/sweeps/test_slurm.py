"""Sweeps through submitit: several jobs in an allocation, what survives its end; by a stand-in for SLURM's commands."""

import os
import signal
import threading
import time

import pytest
import scripts
from scripts import script_job
from servers import documented, fake_slurm
from support import BACKEND, same_weights, vaelab

from vaelab.sweeps import watch
from vaelab.sweeps.running import run_all

submitit = pytest.importorskip("submitit", reason='submitit is not installed: pip install "vaelab[slurm]"')
cloudpickle = pytest.importorskip("cloudpickle")


@pytest.fixture(params=["slurm", "local"])
def pool_of(request, tmp_path, monkeypatch):
    """Function (settings) -> a pool of either executor; PATH has the commands of a SLURM that runs all here."""
    from vaelab.sweeps.slurm import SlurmPool

    cloudpickle.register_pickle_by_value(scripts)
    fake_slurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm'}:{os.environ['PATH']}")
    monkeypatch.setattr(submitit.SlurmJob.watcher, "_delay_s", 0.2)

    def make(**settings):
        own = {"jobs_per_allocation": 1, "timeout_min": 5, "mem_gb": 1, "gpus": 0, "partition": None, "more": {}}
        worker = {"threads": 1, "device": "cpu", "memory_limit": 0.3, "timeout_min": None, "fresh_processes": True}
        return SlurmPool(
            n_jobs=settings.pop("n_jobs", 2), worker=worker, folder=tmp_path / "sweep", executor=request.param,
            **{**own, **settings},
        )  # fmt: skip

    return make


def run(jobs, pool):
    with watch.Watch(jobs, title="test", n_jobs=2) as watching:
        return run_all(jobs, pool, watching)


def test_jobs_of_an_allocation_run_one_after_the_other_and_cost_each_other_nothing(pool_of, tmp_path):
    where = "import os; print(os.getppid()); "
    hungry = "x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)"
    ends = ["state('done')", "os.kill(os.getpid(), 9)", "state('done')", hungry, "state('done')"]
    jobs = [script_job(tmp_path, n, where + end) for n, end in enumerate(ends)]
    assert run(jobs, pool_of(jobs_per_allocation=3))
    assert [j.state for j in jobs] == ["done", "failed", "done", "failed", "done"], [j.message for j in jobs]
    assert "SIGKILL" in jobs[1].message and "hydra.launcher.memory_limit=0.3" in jobs[3].message
    workers = [j.log_tail(9)[0] for j in jobs if j.log_tail(9)]
    assert len(set(workers)) == 2 and workers[0] == workers[2]


@pytest.mark.quick(1)
def test_an_allocation_that_is_lost_costs_no_job(pool_of, tmp_path):
    """The second job takes its worker with it once; it begins again, and so does the one that had not begun."""
    mark = f"mark = pathlib.Path('{tmp_path / 'mark'}')\n"
    deadly = mark + "import os, signal\nif mark.exists(): state('done'); sys.exit()\n"
    deadly += "mark.touch(); os.kill(os.getppid(), 9); time.sleep(60)"
    jobs = [script_job(tmp_path, n, s) for n, s in enumerate(["state('done')", deadly, "state('done')"])]
    assert run(jobs, pool_of(jobs_per_allocation=3, n_jobs=1))
    assert [j.state for j in jobs] == ["done"] * 3, [j.message for j in jobs]
    assert [j.losses for j in jobs] == [0, 1, 0]


def test_ctrl_c_saves_what_runs_and_begins_nothing_more(pool_of, tmp_path):
    script = "import signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
    script += "signal.signal(signal.SIGTERM, end); (folder / 'ready').touch(); time.sleep(60)"
    jobs = [script_job(tmp_path, n, script) for n in range(3)]

    def ask():
        while not (jobs[0].folder.path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask).start()
    assert not run(jobs, pool_of(jobs_per_allocation=2, n_jobs=1))
    assert [j.state for j in jobs] == ["stopped"] * 3, [j.message for j in jobs]
    assert jobs[0].folder.status()["state"] == "interrupted"
    assert [(j.folder.path / "ready").exists() for j in jobs] == [True, False, False]


def test_what_an_earlier_allocation_has_done_is_not_done_twice(pool_of, tmp_path):
    """One that a killed sweep left in the queue came first."""
    job = script_job(tmp_path, 0, "raise SystemExit('must not start twice')")
    pool = pool_of()
    job.started = None
    job.folder.update_status(state="done")
    pool.start(job)
    while (code := pool.poll(job)) is None:
        time.sleep(0.05)
    assert code == 0


@pytest.mark.slow
def test_jobs_forked_in_an_allocation_end_in_the_bytes_of_local_ones(tmp_path):
    quick = ["trainer=quick", "metric=[elbo]", "plot=[]", f"backend={BACKEND}", "hydra.launcher.threads=1"]
    beginning = "vaelab train -m dataset=digits model=dense seed=0,1,2 sweep_name=seeds cluster=slurm"
    places = {"/shared/outputs": tmp_path / "shared", "http://HEAD:5000": f"sqlite:///{tmp_path}/mlflow.db"}
    typed = documented(beginning, **places)[1:]
    local = [word for word in typed if not word.startswith(("cluster", "hydra", "output_dir", "tracking"))]
    fresh = ["hydra.launcher.fresh_processes=true", f"output_dir={tmp_path}/here", "tracking=none"]
    vaelab(*local, *quick, *fresh, cwd=tmp_path)
    fake_slurm(tmp_path / "slurm")
    path = f"{tmp_path / 'slurm'}:{os.environ['PATH']}"
    done = vaelab(*typed, *quick, cwd=tmp_path, env={"PATH": path})
    assert "3 jobs, 3 to do" in done.stdout and "through submitit (slurm)" in done.stdout
    folders = sorted(p.parent for p in tmp_path.glob("here/sweeps/seeds/*/vae.h5"))
    assert len(folders) == 3
    for folder in folders:
        assert same_weights(folder, tmp_path / "shared" / "sweeps" / "seeds" / folder.name)
    (allocation,) = (tmp_path / "slurm" / "jobs").iterdir()
    assert {"--cpus-per-task=1", "--mem=8GB", "--time=120"} <= set((allocation / "asked").read_text().split())
