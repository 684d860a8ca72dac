"""One job of a sweep: its folder, how far it is, and the command line that brings it to its end."""

import math
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from vaelab.config import locate
from vaelab.errors import Interrupted, RunError, visible
from vaelab.records.run_folder import RunFolder

# What TensorFlow prints last when an exception ends a training; the reason stands above it.
UNINFORMATIVE = ("[[{{node", "Local rendezvous is aborting")
MOST_LOSSES = 3  # of one job without an epoch between them


class Lost(Exception):
    """The machine that a job ran on, or its place on a cluster, is gone; the words say how."""


@dataclass
class Job:
    """A grid point.

    Attributes:
        number: place in the grid.
        overrides: the words of `vaelab train` that make it.
        label: those that differ between jobs.
        folder: its run folder.
        cfg: resolved configuration as plain containers.
        chosen: {group: option}.
        hydra: {file: content} of what Hydra would record of it; empty where it was recorded before.
        state: queued | running | elsewhere (another process trains it) | done | skipped (was done) | failed | stopped.
        message: why it failed.
        started, ended: seconds of the monotonic clock; a running job that has not started waits for a cluster.
        losses: how often it was lost since it last got an epoch further.
    """

    number: int
    overrides: list[str]
    label: str
    folder: RunFolder
    cfg: dict
    chosen: dict
    hydra: dict = field(default_factory=dict, repr=False)
    state: str = "queued"
    message: str | None = None
    started: float | None = None
    ended: float | None = None
    slot: int = 0
    losses: int = 0
    _lost_at: int = field(default=0, repr=False)
    _seen: tuple = field(default=(None, ()), repr=False)

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self.state in ("queued", "running", "elsewhere")

    @property
    def waits(self) -> bool:
        """Whether it was handed to a cluster and has not begun there."""
        return self.state == "running" and self.started is None

    @property
    def threads(self) -> int:
        return self.cfg["trainer"]["threads"]

    def words(self) -> list[str]:
        """What `vaelab.jobs.job` needs to run the job to its end, or on from where it was stopped."""
        return [str(self.folder.path), *locate.typed_dirs()]

    def command(self) -> list[str]:
        """The same as a command line."""
        return [sys.executable, "-m", "vaelab.jobs.job", *self.words()]

    def environment(self, gpu: str | None = None) -> dict[str, str]:
        """Variables that hold the job to its threads, and to one GPU where there are several jobs at once."""
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        found = {name: str(self.threads) for name in names}
        found["PYTHONUNBUFFERED"] = "1"
        if gpu is not None:
            found["CUDA_VISIBLE_DEVICES"] = gpu
        return found

    def prepare(self) -> None:
        """Writes what the job's process reads. A job begun earlier keeps its threads: sums depend on them."""
        status = self.folder.status()
        if self.folder.checkpoint.is_dir():
            self.cfg["trainer"]["threads"] = self.folder.read_config()["trainer"]["threads"] or self.threads
        self.folder.write_config(self.cfg)
        typed = [*locate.typed_dirs(), *self.overrides]
        facts = {"chosen": self.chosen, "overrides": typed, "message": None}
        if self.cfg["tracking"]["enabled"]:
            facts["mlflow_delivered"] = False  # by the sweep (`mirror`), or whoever finds the folder later
        self.folder.update_status(**facts, state="queued" if status.get("state") != "done" else "done")

    def settle(self, exit_code: int, asked_to_stop: bool = False) -> None:
        """The state after its process has ended; a run that could not say so itself is marked."""
        self.ended = time.monotonic()
        status = self.status()
        if status.get("state") == "done":
            self.state, self.message = "done", None
            return
        if self.folder.holder() is not None:  # it began twice, the other time by a sweep that was killed
            self.state = "elsewhere"
            return
        interrupted = status.get("state") == "interrupted"
        if asked_to_stop and (interrupted or exit_code < 0 or exit_code == Interrupted.exit_code):
            self.state, self.message = "stopped", "interrupted"
            return
        if interrupted and self.message is None:  # somebody's SIGTERM, a cluster's time limit
            self.state, self.message = "failed", "stopped from outside; the same command goes on with it"
            return
        self.state = "failed"
        self.message = self.message or _reason(exit_code) or status.get("message") or self.last_line()
        state = "killed" if exit_code < 0 or exit_code == 137 else "failed"
        with suppress(OSError, RunError):  # its disk may be full
            self.folder.update_status(state=state, message=self.message, finished=time.time())

    def lose(self, why: str) -> bool:
        """Its machine is gone: whether it begins again, from its last epoch; not for ever where it gets no further.

        Args:
            why: for people.
        """
        epochs = len(self.history())
        self.losses = 1 if epochs > self._lost_at else self.losses + 1
        self._lost_at, self.started = epochs, None
        if self.losses < MOST_LOSSES and self.status().get("state") != "done":
            self.state = "queued"
            return True
        self.message = f"{why}, {self.losses} times"
        self.settle(1)
        return False

    def status(self) -> dict:
        """Content of status.json; nothing where it cannot be read."""
        try:
            return self.folder.status()
        except RunError:
            return {}

    def last_line(self) -> str:
        """What the job printed last."""
        return (self.log_tail(1) or ["it printed nothing"])[0]

    def log_tail(self, n: int) -> list[str]:
        """Its log's last lines."""
        try:
            with open(self.folder.job_log, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 8192))
                lines = [visible(line) for line in file.read().decode(errors="replace").splitlines()]
        except OSError:
            return []
        return [line for line in lines if line.strip() and not any(part in line for part in UNINFORMATIVE)][-n:]

    # -- how far ----------------------------------------------------------------------------------------------------

    def history(self) -> list[dict]:
        """Rows of history.csv, read again only where the file changed."""
        path = self.folder.path / "history.csv"
        try:
            stamp = os.stat(path).st_mtime_ns
            if stamp != self._seen[0]:
                self._seen = (stamp, self.folder.read_history())
        except (OSError, ValueError, RunError):
            return []
        return self._seen[1]

    def progress(self) -> str:
        """ "7/30" epochs."""
        rows = self.history()
        wanted = self.epochs_wanted()
        return f"{rows[-1]['epoch'] if rows else 0}/{wanted or '?'}"

    def epochs_wanted(self) -> int | None:
        trainer = self.cfg["trainer"]
        if trainer["steps"] is None:
            return trainer["epochs"]
        return math.ceil(trainer["steps"] / trainer["steps_per_epoch"]) if trainer["steps_per_epoch"] else None

    def elbo(self) -> tuple[str, float] | None:
        """("val/elbo", value) of the last epoch, or ("test/elbo", value) when done; None where nothing is known."""
        if self.state in ("done", "skipped"):
            try:
                scores = self.folder.read_metrics()
            except RunError:
                return None
            for name in ("test/elbo", "test/elbo_critic"):
                if name in scores:
                    return name, scores[name]["value"]
        row = (self.history() or [{}])[-1]
        for name in ("val/elbo", "train/elbo", "val/loss", "train/loss"):
            if row.get(name) is not None:
                return name, row[name]
        return None

    def seconds(self) -> float | None:
        """How long it has been running (or ran) in this sweep call."""
        return None if self.started is None else (self.ended or time.monotonic()) - self.started

    def phase(self) -> str:
        """What it is doing: "training", "measuring", ...; "starting" before it has said so."""
        return self.status().get("phase") or "starting"

    def training_left(self) -> float | None:
        """Seconds of training still to come, from the pace of its epochs but the first, which compiles; None before."""
        rows, wanted = self.history(), self.epochs_wanted()
        if not rows or not wanted:
            return None
        left, recent = max(0, wanted - rows[-1]["epoch"]), [row["time/seconds"] for row in rows[1:][-5:]]
        return 0.0 if not left else left * sum(recent) / len(recent) if recent else None

    def evaluation(self) -> float | None:
        """Seconds that a finished job took after its training; None where that is not known."""
        phases = self.status().get("phases") or {}
        return sum(s for name, s in phases.items() if name != "training") if phases else None

    def since_training(self) -> float:
        """Seconds since its last epoch."""
        try:
            return max(0.0, time.time() - os.stat(self.folder.path / "history.csv").st_mtime)
        except OSError:
            return 0.0


def value_of(folder: RunFolder) -> float | None:
    """The value that ranks a finished run, from its history at the weights that were kept; None where none does."""
    status = folder.status()
    rows = folder.read_history()
    row = next((r for r in rows if r["epoch"] == status.get("weights_epoch")), {})
    # a run that does not say was made when every objective's models were ranked by the loss
    older = folder.read_config().get("optimize") or ("val/loss" if "val/loss" in row else "train/loss")
    return row.get((status.get("monitored", older) or "").removeprefix("-"))


def _reason(exit_code: int) -> str | None:
    """Words for the end a process did not choose."""
    if exit_code >= 0 and exit_code != 137:
        return None
    number = -exit_code if exit_code < 0 else exit_code - 128
    import signal

    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    hint = " (out of memory, or killed by hand)" if name == "SIGKILL" else ""
    return f"ended by {name}{hint}"
