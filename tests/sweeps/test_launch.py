"""Sweeps: fresh processes, equal commands find their jobs again, one failing job stops no other."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts import MEASURES, timed_while_measuring
from scripts import script_job as job
from support import BACKEND, ROOT, jobs_of, started, vaelab

from vaelab.config import compose, locate
from vaelab.config.check import check_launcher
from vaelab.errors import ConfigError, RunError
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder, find_sweep
from vaelab.sweeps import launch as sweeping
from vaelab.sweeps import local, recipe, start, watch
from vaelab.sweeps.job import value_of
from vaelab.sweeps.local import LocalPool, fitting_jobs
from vaelab.sweeps.running import run_all
from vaelab.system import printing
from vaelab.system.exits import exit_code_of

QUICK = ["model=dense", "trainer=quick", "metric=[elbo]", "plot=[]", f"backend={BACKEND}"]


def run(jobs, n_jobs=2, **limits):
    """The loop, with its lines as text."""
    limits = {"memory_limit": None, "timeout_min": None, **limits}
    pool = LocalPool(n_jobs=n_jobs, threads=1, device="cpu", fresh_processes=True, **limits)
    with watch.Watch(jobs, title="test", n_jobs=n_jobs) as watching:
        return run_all(jobs, pool, watching)


def test_a_failing_job_stops_no_other_and_is_told_with_its_last_lines(tmp_path, capsys):
    scripts = ["state('done')", "print('first line'); print('the last line'); sys.exit(1)", "state('done')"]
    jobs = [job(tmp_path, n, s) for n, s in enumerate(scripts)]
    printing.install()
    assert run(jobs)
    assert [j.state for j in jobs] == ["done", "failed", "done"]
    assert jobs[1].message == "the last line"
    told = watch.failures(jobs)
    assert "failed: seed=1" in told and "    first line\n    the last line" in told and "job.log" in told
    assert "[3/3]" in capsys.readouterr().out


def test_a_job_ended_by_a_signal_says_so(tmp_path):
    (killed,) = jobs = [job(tmp_path, 0, "import os; state('running'); os.kill(os.getpid(), 9)")]
    run(jobs)
    assert killed.state == "failed" and "SIGKILL" in killed.message and "out of memory" in killed.message
    assert killed.folder.status()["state"] == "killed"


def test_a_job_stopped_from_outside_counts_as_missing(tmp_path):
    """A cluster's time limit, somebody's SIGTERM: its epochs are saved, but the sweep is not complete."""
    jobs = [job(tmp_path, 0, "state('interrupted'); sys.exit(130)"), job(tmp_path, 1)]
    assert run(jobs)
    assert [j.state for j in jobs] == ["failed", "done"] and "stopped from outside" in jobs[0].message
    assert jobs[0].folder.status()["state"] == "interrupted"


def test_a_job_whose_training_is_done_is_done_however_its_process_ended(tmp_path):
    jobs = [job(tmp_path, 0, "state('done'); sys.exit(3)")]
    run(jobs)
    assert jobs[0].state == "done"


def test_a_job_over_the_memory_limit_is_ended_alone(tmp_path):
    hungry = job(tmp_path, 0, "x = bytearray(400_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(600)")
    modest = job(tmp_path, 1)
    run([hungry, modest], memory_limit=0.2)
    assert modest.state == "done" and hungry.state == "failed"
    assert "hydra.launcher.memory_limit=0.2" in hungry.message


@pytest.mark.parametrize("deaf", [False, True])
def test_a_job_that_never_ends_is_ended_after_its_timeout(deaf, tmp_path, monkeypatch):
    """One in its training saves and ends when it is asked to; one that hangs somewhere else is killed."""
    monkeypatch.setattr(local, "GRACE", 0.3 if deaf else 600)
    timed_while_measuring(monkeypatch)
    end = "state('interrupted'); sys.exit(130)" if not deaf else "pass"
    script = f"import signal\ndef end(*a): {end}\nsignal.signal(signal.SIGTERM, end)\n{MEASURES}"
    script += "while True: time.sleep(0.1)"
    jobs = [job(tmp_path, 0, script), job(tmp_path, 1)]
    run(jobs, timeout_min=0.005)
    assert [j.state for j in jobs] == ["failed", "done"]
    why = jobs[0].folder.status()["message"]
    assert why == "ended after hydra.launcher.timeout_min=0.005 minutes, while it was measuring"
    assert jobs[0].folder.status()["state"] == ("killed" if deaf else "failed")


def progressing(tmp_path, epochs, since=0.0, **status):
    tmp_path.mkdir(exist_ok=True)
    made = job(tmp_path, 0, epochs=4)
    made.folder.write_history([{"epoch": e + 1, "time/seconds": 10.0} for e in range(epochs)])
    os.utime(made.folder.path / "history.csv", (time.time() - since, time.time() - since))
    made.folder.update_status(state="running", **status)
    return made


@pytest.mark.parametrize("epochs,since,evaluation,told", [
    (0, 0, 5.0, ""), (1, 0, 5.0, ""), (3, 0, None, "> 10 s"), (3, 0, 5.0, "~15 s"), (4, 0, None, ""),
    (4, 2, 5.5, "~3 s"), (4, 20, 5.0, ""),
])  # fmt: skip
def test_what_is_left_of_a_job_is_what_is_known(epochs, since, evaluation, told, tmp_path):
    """Never "0 s" of a job that goes on: one that takes longer than the others did says nothing."""
    assert watch.left_in_words(progressing(tmp_path, epochs, since), evaluation) == told


def test_what_is_left_of_a_sweep_is_what_its_jobs_leave(tmp_path):
    """One is done in 100 s, one has an epoch of 10 s and 5 s of evaluation to go, the third has not begun."""
    done, runs, queued = jobs = [progressing(tmp_path / n, e) for n, e in (("a", 4), ("b", 3), ("c", 0))]
    done.folder.update_status(state="done", phases={"training": 90.0, "measuring": 5.0})
    done.state, done.started, done.ended = "done", 0.0, 100.0
    runs.state, runs.started = "running", time.monotonic() - 60
    table = watch.Watch(jobs, title="t", n_jobs=2)
    assert table._left() == pytest.approx(100, abs=1)  # the one in the queue
    queued.state = "failed"
    assert table._left() == pytest.approx(15)
    os.utime(runs.folder.path / "history.csv", (1, 1))
    runs.folder.write_history([{"epoch": e + 1, "time/seconds": 10.0} for e in range(4)])
    os.utime(runs.folder.path / "history.csv", (time.time() - 9, time.time() - 9))
    assert table._left() is None  # its evaluation takes longer than the other's


def test_a_jobs_phase_and_what_evaluation_took(tmp_path):
    made = progressing(tmp_path, 4, phase="measuring")
    assert made.phase() == "measuring" and made.evaluation() is None
    made.folder.update_status(state="done", phase=None, phases={"training": 40.0, "measuring": 3.0, "drawing": 1.5})
    assert made.evaluation() == 4.5


def test_jobs_run_at_once_and_with_their_threads(tmp_path):
    wait = "import os; (folder / 'on').touch(); t = time.time()\n"
    wait += "while time.time() - t < 300 and len(list(folder.parent.glob('job*/on'))) < 2: time.sleep(0.01)\n"
    wait += "assert len(list(folder.parent.glob('job*/on'))) == 2\n"
    wait += "assert os.environ['OMP_NUM_THREADS'] == os.environ['TF_NUM_INTRAOP_THREADS'] == '1'; state('done')"
    jobs = [job(tmp_path, n, wait) for n in range(2)]
    run(jobs, n_jobs=2)
    assert [j.state for j in jobs] == ["done", "done"], jobs[0].log_tail(5)


def test_a_job_an_earlier_launcher_left_running_is_awaited(tmp_path):
    (left,) = jobs = [job(tmp_path, 0, "raise SystemExit('must not start twice')")]
    hold = (
        "import fcntl, time, sys, json, pathlib; folder = pathlib.Path(sys.argv[1]); f = open(folder / '.lock', 'w')\n"
    )
    hold += "fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(1)\n"
    hold += "(folder / 'status.json').write_text(json.dumps({'state': 'done'}))"
    other = subprocess.Popen([sys.executable, "-c", hold, left.folder.path], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    run(jobs)
    assert left.state == "done" and other.wait() == 0


def test_ctrl_c_starts_no_more_jobs_and_lets_the_running_ones_save(tmp_path):
    script = "import signal\ndef end(*a): state('interrupted'); sys.exit(130)\n"
    script += "signal.signal(signal.SIGTERM, end); (folder.parent / 'ready').touch(); time.sleep(60)"
    jobs = [job(tmp_path, n, script) for n in range(3)]
    import threading

    def ask():
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask).start()
    assert not run(jobs, n_jobs=1)
    assert [j.state for j in jobs] == ["stopped", "queued", "queued"]


def test_a_folder_that_cannot_be_prepared_fails_its_job_only(tmp_path):
    jobs = [job(tmp_path, n) for n in range(2)]
    jobs[0].folder.path.rmdir()
    jobs[0].folder.path.write_text("a file where a folder should be")
    run(jobs)
    assert [j.state for j in jobs] == ["failed", "done"] and "could not be started" in jobs[0].message


def test_a_continued_job_keeps_its_threads(tmp_path):
    first = job(tmp_path, 0, threads=3)
    first.prepare()
    first.folder.checkpoint.mkdir()
    again = job(tmp_path, 0, threads=1)
    again.prepare()
    assert again.threads == 3 and again.folder.read_config()["trainer"]["threads"] == 3


def test_how_many_fit():
    cores = len(os.sched_getaffinity(0))
    assert fitting_jobs(1, 0, 0.01) == cores and fitting_jobs(cores, 0, 0.01) == 1
    assert fitting_jobs(1, 0, 10**6) == 1 and fitting_jobs(1, 4, None) == 4


@pytest.mark.parametrize(
    "name,value",
    [
        ("n_jobs", 0),
        ("n_jobs", "two"),
        ("threads", None),
        ("memory_limit", -1.0),
        ("memory_limit", 0),
        ("timeout_min", 0),
        ("fresh_processes", "yes"),
    ],
)
def test_impossible_launcher_settings_are_refused(name, value):
    settings = {"cluster": "local", "n_jobs": 2, "threads": 1, "memory_limit": None, "timeout_min": None}
    settings |= {"fresh_processes": False, "settings": {}, name: value}
    with pytest.raises(ConfigError, match=f"hydra.launcher.{name}"):
        check_launcher({"_target_": "launcher", **settings})


def test_a_sweep_file_becomes_words(tmp_path, monkeypatch):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text("beta: [0.5, 4]\nmodel.layers: '[64,64]'\nbackend: jax\nseed: 3\n")
    with locate.config_dirs([tmp_path]):
        options, words = recipe.expand([], ["sweep=mine", "seed=1,2", "cluster=local"])
    assert options == ["-m"]
    wanted = [
        "sweep_name=mine",
        "beta=0.5,4",
        "model.layers=[64,64]",
        "backend=jax",
        "seed=1,2",
        "hydra/launcher=local",
    ]
    assert words == wanted
    with locate.config_dirs([tmp_path]), pytest.raises(ConfigError, match="Did you mean 'mine'"):
        recipe.expand([], ["sweep=mnie"])
    with pytest.raises(ConfigError, match="no such sweep"):
        recipe.expand([], ["sweep=mine"])
    with pytest.raises(ConfigError, match="no such cluster"):
        recipe.expand([], ["cluster=cloud"])


def test_mistyped_launcher_settings_are_refused(capsys):
    from vaelab import cli

    assert cli.main(["train", "-m", "beta=1,2", "hydra.launcher.njobs=3"]) == 2
    assert "hydra.launcher.njobs is not a setting. Did you mean 'n_jobs'?" in capsys.readouterr().err
    assert cli.main(["train", "-m", "beta=1,2", "hydra.launcher.settings.gpu=1", "cluster=ray"]) == 2
    assert "Did you mean 'settings.gpus'?" in capsys.readouterr().err


def test_every_shipped_sweep_composes():
    from vaelab.config import locate

    for name in locate.options("sweep"):
        options, words = recipe.expand([], [f"sweep={name}"])
        jobs = jobs_of([word for word in words if not word.startswith("sweep_name=")])
        assert options == ["-m"] and len(jobs) > 1
        for words in (jobs[0], jobs[-1]):
            compose.compose("train", [w for w in words if not w.startswith(("sweep_name=", "hydra"))])


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (["beta=1,2", "hydra.launcher.n_jobs=2", "seed=range(3)"], 6),
        (["model=dense,conv_v1", "trainer=quick", "data_dir=http\\://x"], 2),
        (["dataset.binarize=none,static", "model.hidden_dims=[3],[4,5]", "hydra/sweeper=basic"], 4),
        (["beta=1,1"], 1),  # twice the same job: the second time Hydra composes it
        (["beta=1,2", "hydra.job.name=mine"], 0),
    ],
)
def test_a_checked_job_is_what_hydra_would_compose_for_it(words, taken, tmp_path, monkeypatch):
    """None is composed twice; whichever way a job comes, its configuration and Hydra's record of it are the same."""
    from omegaconf import OmegaConf

    compared = []

    def compare(sweep, context, config, settings, job_overrides, first_number):
        for overrides in job_overrides:
            found = sweep.grid.take(config, overrides)
            if found is not None:
                composed = context.config_loader.load_sweep_config(config, list(overrides))
                compared.append(OmegaConf.to_yaml(found) == OmegaConf.to_yaml(composed))
        raise RunError("that was all")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeping.Sweep, "launch", compare)
    words = ["dataset=digits", "model=dense", "tracking=none", f"output_dir={tmp_path}", *words]
    with pytest.raises(RunError, match="that was all"):
        start.multirun(words, compose.check_sweep(words))
    assert compared == [True] * taken


def test_a_sweep_of_a_name_is_run_by_one_process(tmp_path):
    from contextlib import ExitStack

    from omegaconf import OmegaConf

    named = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path / "s")}}, "sweep_name": "s"})
    nameless = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path / "s")}}, "sweep_name": None})
    with ExitStack() as first, ExitStack() as second:
        assert sweeping.open_folder(named, first).name == "s"
        with pytest.raises(RunError, match=f"is being run by process {os.getpid()}"):
            sweeping.open_folder(named, second)
        assert sweeping.open_folder(nameless, second).name == "s-2"


def test_sweeps_are_found_by_name_folder_and_latest(tmp_path):
    for n, name in enumerate(("one", "two")):
        SweepFolder(tmp_path / "sweeps" / name).update_record(started=n, jobs={})
    assert find_sweep("one", tmp_path).name == "one" and find_sweep("latest", tmp_path).name == "two"
    assert find_sweep(str(tmp_path / "sweeps" / "one"), tmp_path).name == "one"
    with pytest.raises(RunError, match="Did you mean 'two'"):
        find_sweep("tow", tmp_path)


@pytest.mark.parametrize("number,told", [(28, "No space left on device"), (30, "Read-only file system")])
def test_a_job_says_what_its_disk_refused(number, told, tmp_path, monkeypatch, capsys):
    from vaelab.jobs import job as process
    from vaelab.jobs import train

    def refused(*args, **more):
        raise OSError(number, "a library's own words", "vae.h5")

    monkeypatch.setattr(train, "train", refused)
    folder = RunFolder(tmp_path / "job")
    folder.write_config({"model": {}, "tracking": {}})
    assert exit_code_of(lambda: process.run(str(folder.path))) == 1
    assert capsys.readouterr().err == f"vaelab: vae.h5: {told}. What was finished before is kept.\n"


def test_a_full_disk_under_its_log_does_not_stop_a_job(tmp_path):
    """/dev/full refuses every byte; so does the log of a job on a full disk."""
    script = "from vaelab.records.run_folder import RunFolder\nfrom vaelab.system import printing, streams\n"
    script += "with streams.despite_trouble(), printing.quietly(False), printing.logged_to(RunFolder(folder).log):\n"
    script += "    for n in range(3): printing.LOGGER.info('x' * 9000)\n    print('x', file=sys.stderr)\nstate('done')"
    full = job(tmp_path, 0, script)
    with open("/dev/full", "wb") as log:
        process = subprocess.run(full.command(), stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert full.folder.status() == {"state": "done"}, process


# -- the command -------------------------------------------------------------------------------------------------------


def status(folder):
    return json.loads((folder / "status.json").read_text())


@pytest.mark.slow
def test_the_same_command_skips_what_is_done_and_adds_what_is_new(tmp_path):
    """One job fails by its learning rate; the other is done once. The report and the parent run know all of it."""
    words = ["train", "-m", *QUICK, "trainer.optimizer=sgd", "sweep_name=s"]
    first = vaelab(*words, "trainer.learning_rate=0.001,1e30", cwd=tmp_path, check=False)
    assert first.returncode == 1, first.stderr
    assert "failed: trainer.learning_rate=1e+30" in first.stderr and "The loss became" in first.stderr
    assert "1 of 2 jobs failed. The same command tries them again" in first.stderr and "Traceback" not in first.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "s"
    (good,), (bad,) = (list(sweep.glob(f"learning_rate-{v}-*")) for v in ("0.001", "1e?30"))
    assert status(good)["state"] == "done" and status(bad)["state"] == "failed"
    assert {"config.yaml", "job.log", "tiles.npz", ".hydra", "vae.h5"} <= {p.name for p in good.iterdir()}
    assert "threads: 1" in (good / "config.yaml").read_text()
    assert (sweep / "report.html").is_file() and (sweep / "report.csv").is_file()
    stamp = (good / "vae.h5").stat().st_mtime_ns

    second = vaelab(*words, "trainer.learning_rate=0.001,0.002", cwd=tmp_path)
    assert "2 jobs, 1 to do" in second.stdout
    assert (good / "vae.h5").stat().st_mtime_ns == stamp
    assert len(list(sweep.glob("learning_rate-*"))) == 3

    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    (experiment,) = [e.experiment_id for e in client.search_experiments() if e.name == "vaelab"]
    found = {r.info.run_name: r for r in client.search_runs([experiment])}
    parent = found.pop("s")
    assert len(found) == 3 and parent.info.status == "FINISHED"
    assert {r.data.tags["mlflow.parentRunId"] for r in found.values()} == {parent.info.run_id}
    assert {r.info.status for r in found.values()} == {"FINISHED", "FAILED"}
    assert all(name.endswith(r.data.tags["vaelab.config_hash"]) for name, r in found.items())
    assert {"report.html", "report.csv", "sweep.json"} <= {a.path for a in client.list_artifacts(parent.info.run_id)}
    assert value_of(RunFolder(good)) == min(r["val/loss"] for r in RunFolder(good).read_history())


@pytest.mark.slow
def test_two_sweeps_at_once_on_one_database(tmp_path):
    both = [started("train", "-m", *QUICK, "seed=0,1", cwd=tmp_path) for _ in "ab"]
    for process in both:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0 and "warning: tracking" not in errors, errors
    assert len(list(Path(tmp_path).glob("outputs/sweeps/*/*/vae.h5"))) == 4


BAD_METRICS = """
import os, time
import numpy as np


def hangs(view):
    time.sleep(3600)


def eats(view):
    kept = []
    while True:
        kept.append(np.ones(10_000_000))
        time.sleep(0.05)


def aborts(view):
    os.abort()
"""


@pytest.mark.slow
def test_jobs_that_hang_eat_or_abort_cost_no_other_and_the_report_says_what_happened(tmp_path):
    (tmp_path / "bad.py").write_text(BAD_METRICS)
    (tmp_path / "conf" / "metric").mkdir(parents=True)
    kinds = ("hangs", "eats", "aborts")
    for name in kinds:
        yaml = f"# @package metrics.{name}\n_target_: bad.{name}\n"
        (tmp_path / "conf" / "metric" / f"{name}.yaml").write_text(yaml)
    words = ["train", "-m", "--config-dir", "conf", "trusted=[bad]", "model=dense", "trainer=quick", "plot=[]"]
    words += ["trainer.epochs=1", "dataset.limit=300"]
    words += ["metric=[elbo],[elbo,hangs],[elbo,eats],[elbo,aborts]", f"backend={BACKEND}", "tracking=none"]
    words += ["hydra.launcher.timeout_min=2", "hydra.launcher.memory_limit=3", "hydra.launcher.n_jobs=2"]
    done = vaelab(*words, "sweep_name=s", cwd=tmp_path, check=False)
    assert done.returncode == 1 and "3 of 4 jobs failed" in done.stderr and "Traceback" not in done.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "s"
    page = (sweep / "report.html").read_text()
    for told in ("ended after hydra.launcher.timeout_min=2 minutes, while it was measuring",
                 "GiB, over hydra.launcher.memory_limit=3", "ended by SIGABRT"):  # fmt: skip
        assert told in page and told in done.stderr
    states = {name: status(next(sweep.glob(f"metric-_elbo+{name}*")))["state"] for name in kinds}
    assert states == {"hangs": "failed", "eats": "killed", "aborts": "killed"}
    assert status(next(sweep.glob("metric-_elbo_*")))["state"] == "done"
