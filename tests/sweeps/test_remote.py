"""A cluster's worker runs jobs as the machine of the sweep does; what a cluster loses begins again."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from scripts import MEASURES, script_job, timed_while_measuring
from support import ROOT

from vaelab.sweeps import job as jobs_module
from vaelab.sweeps import watch
from vaelab.sweeps.job import Lost
from vaelab.sweeps.remote import Worker, about, arguments, sent
from vaelab.sweeps.running import run_all

SETTINGS = {"threads": 1, "device": "cpu", "memory_limit": None, "timeout_min": None, "fresh_processes": True}


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """A worker changes folder and environment of its process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_a_job_finds_what_it_would_where_the_sweep_was_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", "/shared/cache")
    handed = arguments({**SETTINGS, "threads": 2})
    monkeypatch.delenv("VAELAB_CACHE")
    monkeypatch.chdir("/")
    script = "import os; print(os.environ['VAELAB_CACHE'], os.environ['OMP_NUM_THREADS'], os.getcwd()); sys.exit(3)"
    mine = script_job(tmp_path, 0, script, threads=2)
    assert Worker(*handed).run(sent(mine)) == (3, None)
    assert mine.log_tail(1) == [f"/shared/cache 2 {tmp_path}"]


@pytest.mark.parametrize("script,limit,told", [
    ("x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)", {"memory_limit": 0.2}, "GiB"),
    (MEASURES + "time.sleep(600)", {"timeout_min": 0.005}, "timeout_min"),
], ids=["memory", "time"])  # fmt: skip
def test_limits_hold_on_a_worker_and_the_next_job_is_as_any(script, limit, told, tmp_path, monkeypatch):
    timed_while_measuring(monkeypatch)
    worker = Worker(*arguments({**SETTINGS, **limit}))
    code, message = worker.run(script_job(tmp_path, 0, script))
    assert code < 0 and told in message
    assert worker.run(script_job(tmp_path, 1)) == (0, None)


SAVING = "import signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
SAVING += "signal.signal(signal.SIGTERM, end); (folder / 'ready').touch(); time.sleep(60)"


def await_ready(job):
    while not (job.folder.path / "ready").exists():
        time.sleep(0.01)


def test_a_job_is_stopped_from_another_thread(tmp_path):
    mine, worker = script_job(tmp_path, 0, SAVING), Worker(*arguments(SETTINGS))
    threading.Thread(target=lambda: [await_ready(mine), worker.stop()]).start()
    assert worker.run(mine)[0] == 130 and mine.folder.status()["state"] == "interrupted"


def test_a_job_saves_before_its_allocation_ends(tmp_path):
    """submitit raises in its handler of the signal that Slurm sends before the time is up."""

    def raises(*args):
        raise TimeoutError("the allocation's time is up")

    mine, worker = script_job(tmp_path, 0, SAVING), Worker(*arguments(SETTINGS))
    saved = signal.signal(signal.SIGUSR2, raises)
    try:
        threading.Thread(target=lambda: [await_ready(mine), os.kill(os.getpid(), signal.SIGUSR2)]).start()
        with pytest.raises(TimeoutError):
            worker.run(mine)
    finally:
        signal.signal(signal.SIGUSR2, saved)
    assert mine.folder.status()["state"] == "interrupted"


ORPHAN = """
import sys
from pathlib import Path
from scripts import script_job
from vaelab.sweeps import warm
from vaelab.sweeps.remote import Worker, arguments
fresh, folder, host = sys.argv[1] == "fresh", Path(sys.argv[2]), sys.argv[3]
warm.command = lambda *way: [sys.executable, "-c", host]
worker = Worker(*arguments({"threads": 1, "device": "cpu", "memory_limit": None, "timeout_min": None,
                            "fresh_processes": fresh}))
job = script_job(folder, 0, (folder / "script.py").read_text())
job.cfg["backend"] = "none"
worker.run(job)
"""
HOST = """
import json, os, pathlib, signal, sys, time
from vaelab.sweeps import warm
def run(words):
    folder = pathlib.Path(words[0])
    def state(name):
        (folder / "status.json").write_text(json.dumps({"state": name}))
    exec((folder.parent / "script.py").read_text(), {**globals(), "folder": folder, "state": state})
    return 0
warm.serve(lambda: None, run)
"""


@pytest.mark.parametrize("way", ["fresh", "forked"])
def test_a_job_saves_and_ends_when_its_worker_is_killed(way, tmp_path):
    """Its cores are given to somebody else."""
    script = "import os, signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
    script += "signal.signal(signal.SIGTERM, end); (folder / 'pid').write_text(str(os.getpid())); time.sleep(60)"
    (tmp_path / "script.py").write_text(script)
    worker = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, way, tmp_path, HOST],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    pid = tmp_path / "job0" / "pid"
    while not (pid.exists() and pid.read_text()):
        assert worker.poll() is None
        time.sleep(0.02)
    job = psutil.Process(int(pid.read_text()))
    worker.kill()
    worker.wait()
    job.wait(30)
    assert '"interrupted"' in (tmp_path / "job0" / "status.json").read_text()


class Losing:
    """A pool whose machines are lost: `losses` times each job's."""

    n_jobs, takes = 2, None

    def __init__(self, losses, epochs_between=0):
        self.left, self.epochs = losses, epochs_between
        self.started = []

    def start(self, job):
        job.started = None
        self.started.append(job.number)

    def poll(self, job):
        job.started = job.started or time.monotonic()
        if self.left[job.number]:
            self.left[job.number] -= 1
            before = len(job.history())
            job.folder.write_history([{"epoch": e + 1} for e in range(before + self.epochs)])
            raise Lost("the machine is gone")
        job.folder.update_status(state="done")
        return 0

    def ask_to_stop(self, job):
        self.left[job.number] = 1

    def close(self):
        pass


def run(jobs, pool):
    with watch.Watch(jobs, title="test", n_jobs=2) as watching:
        return run_all(jobs, pool, watching)


def test_a_lost_job_begins_again_but_not_for_ever(tmp_path, caplog):
    jobs = [script_job(tmp_path, n) for n in range(3)]
    pool = Losing([2, 3, 0])
    with caplog.at_level("INFO", "vaelab"):
        assert run(jobs, pool)
    assert [j.state for j in jobs] == ["done", "failed", "done"]
    assert jobs[1].message == "the machine is gone, 3 times" == jobs[1].folder.status()["message"]
    assert sorted(pool.started) == [0, 0, 0, 1, 1, 1, 2]
    told = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(told) == 4 and "seed=0: the machine is gone. It begins again, from its last epoch." in told


def test_a_lost_job_that_gets_further_each_time_ends(tmp_path):
    (job,) = jobs = [script_job(tmp_path, 0)]
    assert run(jobs, Losing([2 * jobs_module.MOST_LOSSES], epochs_between=1)) and job.state == "done"


def test_a_job_that_was_done_before_its_machine_was_lost_is_done(tmp_path):
    job = script_job(tmp_path, 0)
    job.state, job.started = "running", time.monotonic()
    job.folder.update_status(state="done")
    assert not job.lose("the machine is gone") and job.state == "done" and job.message is None


def test_a_stopped_sweep_begins_no_lost_job_again(tmp_path):
    jobs = [script_job(tmp_path, 0)]
    pool = Losing([0])
    pool.poll = lambda job: os.kill(os.getpid(), signal.SIGTERM) if pool.left[0] == 0 else Losing.poll(pool, job)
    assert not run(jobs, pool)
    assert jobs[0].state == "stopped" and pool.started == [0]


def test_a_job_that_another_process_has_taken_is_awaited(tmp_path):
    """An allocation that a killed sweep left in the queue began it first."""
    job = script_job(tmp_path, 0)
    with job.folder.locked():
        job.settle(2)
    assert job.state == "elsewhere"


def test_a_job_that_waits_for_its_cluster_is_shown_as_queued(tmp_path):
    job = script_job(tmp_path, 0)
    job.state = "running"
    assert job.waits and watch._word(job) == "queued" and job.seconds() is None


def test_a_cluster_that_says_nothing_of_a_lost_job_is_quoted_all_the_same():
    assert about(RuntimeError()) == "RuntimeError"
    assert about(ValueError("first\n  the worker died \n\n")) == "ValueError: the worker died"
