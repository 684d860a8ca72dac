"""The loop of a sweep: starts what fits, collects what ended, tells what happens. One failing job stops no other."""

import logging
import signal
import time

from vaelab.errors import Interrupted
from vaelab.sweeps.job import Job, Lost
from vaelab.system import signals

log = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds between Ctrl-C, which a terminal hands to the jobs too, and SIGTERM to those that missed it


def run_all(jobs: list[Job], pool, watch) -> bool:
    """Brings every open job to its end; False if the user stopped the sweep.

    Args:
        jobs: the grid; their states change.
        pool: where they run (`LocalPool`, `RayPool`, `SlurmPool`). It takes `takes` jobs at a time, or all: those that
            wait in it have no time of their start.
        watch: told of every change (`Watch`).
    """
    stop = _Stop()
    slots = list(range(pool.takes or len(jobs)))
    running: list[Job] = []
    with signals.handled_by(stop.ask):
        try:
            while running or (not stop.asked and any(job.open for job in jobs)):
                _settle_ended(running, slots, pool, watch, stop)
                if stop.asked:
                    stop.pass_on(running, pool)
                else:
                    _look_elsewhere(jobs, watch)
                    _start(jobs, running, slots, pool, watch)
                watch.refresh()
                time.sleep(0.1)
        finally:
            pool.close()
    return not stop.asked


def _settle_ended(running, slots, pool, watch, stop):
    for job in list(running):
        waited = job.waits
        try:
            if (code := pool.poll(job)) is not None:
                job.settle(code, asked_to_stop=stop.asked > 0)
        except Lost as lost:
            if stop.asked:
                job.settle(Interrupted.exit_code, asked_to_stop=True)
            elif job.lose(str(lost)):
                log.warning(f"{job.label}: {lost}. It begins again, from its last epoch.")
        if job.state != "running":
            running.remove(job)
            slots.append(job.slot)
        if waited != job.waits or job.state != "running":
            watch.changed(job)


def _look_elsewhere(jobs, watch):
    """Jobs that a process of an earlier, killed launcher still trains: their end is awaited."""
    for job in jobs:
        if job.state == "elsewhere" and job.folder.holder() is None:
            job.state = "done" if job.status().get("state") == "done" else "queued"
            watch.changed(job)


def _start(jobs, running, slots, pool, watch):
    for job in jobs:
        if not slots:
            return
        if job.state != "queued":
            continue
        if job.folder.holder() is not None:
            job.state = "elsewhere"
        else:
            _start_one(job, running, slots, pool)
        if not job.waits:
            watch.changed(job)


def _start_one(job, running, slots, pool):
    try:
        job.prepare()
        job.slot, job.started, job.ended, job.message = min(slots), time.monotonic(), None, None
        pool.start(job)
    except Exception as error:  # a folder that cannot be written, a damaged record: this job's trouble only
        job.state, job.message = "failed", f"could not be started: {error}"
        return
    slots.remove(job.slot)
    job.state = "running"
    running.append(job)


class _Stop:
    """Ctrl-C and its like: the first starts no more jobs and lets the running ones save, the second ends them."""

    def __init__(self):
        self.asked, self._since, self._number, self._passed_on = 0, 0.0, None, set()

    def ask(self, number, frame):
        self.asked += 1
        if self.asked == 1:
            self._since, self._number = time.monotonic(), number
            log.error("\ninterrupted: the running jobs save and end (again to end them at once)")

    def pass_on(self, running, pool):
        """Tells the jobs, once each; a terminal's Ctrl-C has told them already."""
        late = self._number == signal.SIGTERM or time.monotonic() - self._since > PATIENCE
        for job in running:
            if self.asked > 1:
                pool.kill(job)
            elif (late or job.waits) and job.number not in self._passed_on:
                self._passed_on.add(job.number)
                pool.ask_to_stop(job)
