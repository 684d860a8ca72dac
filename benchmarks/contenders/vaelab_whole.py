"""vaelab's `fit` with all that `vaelab train` does beside the gradient steps: checkpoint, history, MLflow, progress."""

import os
import pty
import tempfile
import threading
from pathlib import Path

import numpy as np
from harness.contender import Turns, settings
from vaelab_model import model, open_backend

S = settings()
log, (terminal, screen) = os.dup(2), pty.openpty()  # the progress bar is drawn on a terminal only
os.dup2(screen, 2)


def keep_log():
    """What the terminal shows goes into the log."""
    while True:
        os.write(log, os.read(terminal, 4096))


threading.Thread(target=keep_log, daemon=True).start()
turns = Turns(S["images"])
folder = Path(tempfile.mkdtemp()) / "outputs" / "benchmark" / "run"
cfg = open_backend(S, "trainer.progress=true", f"output_dir={folder.parent.parent}")

from vaelab.build import part  # noqa: E402
from vaelab.datasets.base import Split  # noqa: E402
from vaelab.jobs.opening import trainer_of  # noqa: E402
from vaelab.records.run_folder import RunFolder  # noqa: E402
from vaelab.records.tracking import Tracker  # noqa: E402
from vaelab.training.fit import fit  # noqa: E402


class Images:
    """What `fit` reads of a dataset."""

    train = Split((np.load(Path(S["start"]) / "train.npy", mmap_mode="r")[: S["images"]].copy(),))
    validation = test = None


run = RunFolder(folder)
run.write_config(cfg)
run.update_status(state="running", run_name="benchmark")
tracker = Tracker(cfg["tracking"], output_dir=cfg["output_dir"], folder=run, cfg=cfg, tags={})
rows = []


def on_epoch(row):
    """As `vaelab train` has it."""
    rows.append(row)
    run.write_history(rows)
    tracker.log_epoch(row)
    turns.next()


vae = model(cfg, S)
turns.ready(parameters=sum(int(np.prod(v.shape)) for v in vae.trainable_variables))
fit(
    vae, Images, trainer_of(cfg), seed=0, optimize=None,
    schedule=part(cfg["learning_rate_schedule"], "learning_rate_schedule"),
    checkpoint_path=run.checkpoint, on_epoch=on_epoch,
)  # fmt: skip
