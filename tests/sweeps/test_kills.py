"""kill -9 at random moments, of the sweep, its jobs, the process they are forked from: typed again, nothing is lost."""

import os
import re
import signal
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
from support import BACKEND, same_weights, started, vaelab

EPOCHS = 30
WORDS = [
    "train", "-m", "model=dense", "trainer=quick", "metric=[elbo]", "plot=[]", f"backend={BACKEND}",
    f"trainer.epochs={EPOCHS}", "beta=0.5,4", "seed=0,1", "sweep_name=s", "hydra.launcher.n_jobs=2",
]  # fmt: skip
KILLS = ("job", "sweep", "host", "group")  # in this order, each in a call of its own


def kill(what, process, sweep, rng):
    """SIGKILL to what is meant, if it is there."""
    if what in ("sweep", "group"):
        (os.kill if what == "sweep" else os.killpg)(process.pid, signal.SIGKILL)
    elif what == "host":
        hosts = [p for p in psutil.Process(process.pid).children() if "vaelab.sweeps.warm" in p.cmdline()]
        for host in hosts:
            host.kill()
    else:
        holders = sorted(sweep.glob("*/.holder"))
        number = re.match(r"process (\d+)", rng.choice(holders).read_text())[1]
        with suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)


@pytest.mark.slow
def test_killed_at_random_moments_and_typed_again(tmp_path):
    vaelab(*WORDS, f"output_dir={tmp_path}/undisturbed", "tracking=none", cwd=tmp_path)
    rng, sweep, disturbed = np.random.default_rng(0), tmp_path / "disturbed" / "sweeps" / "s", 0
    for what in KILLS:
        process = started(*WORDS, "output_dir=disturbed", cwd=tmp_path, new_session=True)
        epochs_before, more = count(sweep), rng.integers(1, EPOCHS // 2)
        while process.poll() is None and (count(sweep) < epochs_before + more or not any(sweep.glob("*/.holder"))):
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is None:
            kill(what, process, sweep, rng)
            disturbed += 1
        process.wait(600)
    assert disturbed >= 3
    vaelab(*WORDS, "output_dir=disturbed", cwd=tmp_path)
    jobs = sorted(p.parent for p in sweep.glob("*/status.json"))
    assert len(jobs) == 4
    for folder in jobs:
        assert same_weights(folder, tmp_path / "undisturbed" / "sweeps" / "s" / folder.name)
    assert 4 * EPOCHS <= count(sweep) <= 4 * EPOCHS + 2 * disturbed  # a kill costs two jobs an epoch each, at most
    stamps = [(folder / "vae.h5").stat().st_mtime_ns for folder in jobs]
    assert "4 jobs, 0 to do" in vaelab(*WORDS, "output_dir=disturbed", cwd=tmp_path).stdout
    assert stamps == [(folder / "vae.h5").stat().st_mtime_ns for folder in jobs]
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/disturbed/mlflow.db")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert len(found) == 5 and {r.info.status for r in found} == {"FINISHED"}
    for run in found:
        if "mlflow.parentRunId" in run.data.tags:
            steps = [m.step for m in client.get_metric_history(run.info.run_id, "val/loss")]
            assert sorted(steps) == list(range(1, EPOCHS + 1)) and "test/elbo" in run.data.metrics


def count(sweep) -> int:
    """Epochs that all jobs have told of."""
    return sum(len(re.findall(r"^ *\d+/\d+ ", log.read_text(), re.M)) for log in sweep.glob("*/run.log"))
