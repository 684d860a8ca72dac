"""Warm starts: jobs forked after the imports, each a process of its own; without TensorFlow but for the last tests."""

import os
import signal
import sys
import time

import pytest
from support import same_weights, vaelab

from vaelab.records.run_folder import RunFolder
from vaelab.sweeps import warm
from vaelab.sweeps.job import Job
from vaelab.sweeps.local import LocalPool
from vaelab.sweeps.running import run_all
from vaelab.sweeps.watch import Watch

pytestmark = pytest.mark.skipif(not warm.supported(), reason="only Linux forks")

# A host whose imports are a counter in a file, and whose jobs are the scripts in their folders.
HOST = """
import json, os, pathlib, sys, threading, time
from vaelab.sweeps import warm
here = pathlib.Path(sys.argv[1])
def preload():
    with open(here / "imports", "a") as file:
        file.write("x")
    PRELOAD
def run(words):
    folder = pathlib.Path(words[0])
    def state(name):
        (folder / "status.json").write_text(json.dumps({"state": name}))
    exec((folder / "script.py").read_text(), {**globals(), "folder": folder, "state": state})
    return 0
warm.serve(preload, run)
"""


class Script(Job):
    """A job whose process is a few lines of Python, forked or fresh."""

    def command(self):
        start = "import json, os, sys, time, pathlib; folder = pathlib.Path(sys.argv[1])\n"
        start += "def state(s): (folder / 'status.json').write_text(json.dumps({'state': s}))\n"
        return [sys.executable, "-c", start + (self.folder.path / "script.py").read_text(), str(self.folder.path)]


@pytest.fixture
def jobs_of(tmp_path, monkeypatch):
    """Function (scripts, what the host does besides importing) -> jobs that a pool forks from such a host."""

    def make(scripts, preload="pass"):
        host = [sys.executable, "-c", HOST.replace("PRELOAD", preload), str(tmp_path)]
        monkeypatch.setattr(warm, "command", lambda *way: host)
        jobs = []
        for number, script in enumerate(scripts):
            folder = RunFolder(tmp_path / f"job{number}")
            folder.path.mkdir()
            (folder.path / "script.py").write_text(script)
            trainer = {"threads": 1, "epochs": 3, "steps": None}
            cfg = {"model": {}, "trainer": trainer, "device": "cpu", "backend": "tensorflow"}
            cfg["tracking"] = {"enabled": False}
            jobs.append(Script(number, [f"seed={number}"], f"seed={number}", folder, cfg, {}))
        return jobs

    return make


def run(jobs, n_jobs=2, **limits):
    limits = {"memory_limit": None, "timeout_min": None, **limits}
    pool = LocalPool(n_jobs=n_jobs, threads=1, device="cpu", fresh_processes=False, **limits)
    with Watch(jobs, title="test", n_jobs=n_jobs) as watching:
        return run_all(jobs, pool, watching)


def test_the_imports_are_done_once_and_each_job_is_a_process_of_its_own(jobs_of, tmp_path):
    script = "print(os.getpid(), os.getppid(), os.environ['TF_NUM_INTRAOP_THREADS'], sys.stdin.read()); state('done')"
    jobs = jobs_of(3 * [script])
    assert run(jobs) and [j.state for j in jobs] == ["done"] * 3
    said = [j.log_tail(5) for j in jobs]
    assert [len(lines) for lines in said] == [1, 1, 1]
    own, parents, threads = zip(*(lines[0].split() for lines in said))
    assert len(set(own)) == 3 and len(set(parents)) == 1 and set(threads) == {"1"}
    assert (tmp_path / "imports").read_text() == "x"


def test_whatever_ends_a_job_costs_no_other(jobs_of, tmp_path):
    ends = ["os.abort()", "os.kill(os.getpid(), 9)", "raise ValueError('mine alone')", "sys.exit(3)", "os._exit(4)"]
    hungry = "x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)"
    jobs = jobs_of([*ends, hungry, "state('done')"])
    run(jobs, memory_limit=0.3)
    assert [j.state for j in jobs] == ["failed"] * 6 + ["done"]
    assert "SIGABRT" in jobs[0].message and "SIGKILL" in jobs[1].message and jobs[2].message.endswith("mine alone")
    assert "hydra.launcher.memory_limit=0.3" in jobs[5].message
    assert (tmp_path / "imports").read_text() == "x"


@pytest.mark.parametrize("preload,why", [
    ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "2 threads"), ("1 / 0", "ended"),
])  # fmt: skip
def test_what_cannot_be_forked_is_said_and_begun_fresh(jobs_of, preload, why, caplog):
    jobs = jobs_of(3 * ["state('done')"], preload)
    with caplog.at_level("INFO", "vaelab"):
        assert run(jobs)
    assert [j.state for j in jobs] == ["done"] * 3
    (told,) = [r.message for r in caplog.records if "fresh processes" in r.message]
    assert why in told


def test_a_killed_host_costs_no_job(jobs_of, tmp_path):
    """The first job kills the process it was forked from; it and its neighbour go on, the next are forked anew."""
    wait = "time.sleep(0.5); state('done')"
    jobs = jobs_of([f"os.kill(os.getppid(), 9); {wait}", wait, wait, "sys.exit(1)"])
    assert run(jobs)
    assert [j.state for j in jobs] == ["done", "done", "done", "failed"]
    assert (tmp_path / "imports").read_text() in ("x", "xx")  # a slow machine has begun all before the host is killed


def test_a_job_goes_on_when_the_launcher_is_gone(jobs_of):
    (job,) = jobs_of(["(folder / 'on').touch(); time.sleep(0.5); state('done')"])
    host = warm.Host(warm.command(), {}, None)
    host.fork(job.words(), {}, str(job.folder.job_log))
    await_(lambda: (job.folder.path / "on").exists())
    host._requests.close()  # as a killed launcher leaves it
    await_(lambda: host.ended)
    await_(lambda: job.status().get("state") == "done")


def test_ctrl_c_reaches_the_jobs_and_their_ends_are_reported(jobs_of):
    script = "import signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
    script += "signal.signal(signal.SIGTERM, end); (folder / 'ready').touch(); time.sleep(60)"
    jobs = jobs_of([script, script, script])
    import threading

    def ask():
        await_(lambda: (jobs[0].folder.path / "ready").exists() and (jobs[1].folder.path / "ready").exists())
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask).start()
    assert not run(jobs)
    assert [j.state for j in jobs] == ["stopped", "stopped", "queued"]


def test_a_job_that_is_stopped_before_it_began_never_begins(jobs_of):
    (job,) = jobs_of(["state('done')"], "time.sleep(60)")
    forked = warm.Host(warm.command(), {}, None).fork(job.words(), {}, str(job.folder.job_log))
    assert forked.poll() is None and not forked.refused()
    forked.send_signal(signal.SIGTERM)
    assert forked.poll() == 130 and not forked.refused() and not job.status()


def await_(true, seconds=300):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


# -- with the backends -------------------------------------------------------------------------------------------------

KINDS = {
    "dense": ["model=dense", "trainer.threads=2"],
    "conv_v2": ["model=conv_v2", "dataset.limit=200", "trainer.epochs=1"],
    "avb": ["model=dense", "objective=avb", "posterior=implicit"],
    "conjoint": ["experiment=conjoint_synthetic_vae", "trainer.steps=40", "trainer.steps_per_epoch=20"],
}


@pytest.mark.slow
@pytest.mark.parametrize("backend,kind", [("tensorflow", kind) for kind in KINDS] + [("jax", "dense"), ("jax", "avb")])
def test_a_job_forked_after_another_ends_in_the_bytes_of_a_fresh_one(backend, kind, tmp_path):
    if backend == "jax":
        pytest.importorskip("jax")
    words = ["train", "-m", "trainer=quick", *KINDS[kind], "metric=[]", "plot=[]", "tracking=none", "sweep_name=s"]
    words += [f"backend={backend}", "hydra.launcher.n_jobs=1"]
    vaelab(*words, "seed=0,1", f"output_dir={tmp_path}/forked", cwd=tmp_path)
    vaelab(*words, "seed=1", "hydra.launcher.fresh_processes=true", f"output_dir={tmp_path}/fresh", cwd=tmp_path)
    first, second = (p.parent for p in sorted(tmp_path.glob("forked/sweeps/s/seed-*/vae.h5")))
    (fresh,) = (p.parent for p in tmp_path.glob("fresh/sweeps/s/*/vae.h5"))
    assert same_weights(second, fresh) and not same_weights(first, fresh)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_backend_can_be_forked_after_its_import(backend):
    pytest.importorskip(backend)
    host = warm.Host(warm.command(backend, "cpu", 2), {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}, None)
    try:
        forked = host.fork(["/nowhere"], {"OPENBLAS_NUM_THREADS": "2"}, os.devnull)
        await_(lambda: forked.poll() is not None or host.ended, seconds=600)
        assert host.refusal is None and forked.poll() == 2  # there is no such run
    finally:
        host.close()
