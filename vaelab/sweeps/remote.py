"""Jobs of a sweep on a machine of a cluster: one at a time, under the rules of jobs on the machine of the sweep."""

import os
import threading
import time
from dataclasses import replace

from vaelab.sweeps.job import Job
from vaelab.sweeps.local import LocalPool
from vaelab.system import printing

PATIENCE = 60.0  # seconds a job has to save when its worker has to end


class Worker:
    """Brings jobs to their ends, one after the other, by a `LocalPool` of its machine; they end with this process.

    Args:
        cwd, environment: as where the sweep was typed, so that the user's parts and relative paths are found.
        settings: of `LocalPool`.
    """

    def __init__(self, cwd: str, environment: dict[str, str], settings: dict):
        os.chdir(cwd)
        os.environ.update(environment)
        printing.install()
        self._pool, self._asked = LocalPool(n_jobs=1, outlive=False, **settings), None
        self._busy = threading.Lock()

    def ready(self) -> None:
        """Nothing to do: what answers this is there."""

    def run(self, job: Job) -> tuple[int, str | None]:
        """(exit code of a job, why it was ended or None); begun when the one before has ended, whoever awaits that."""
        with self._busy:
            return self._run(job)

    def _run(self, job: Job) -> tuple[int, str | None]:
        job.slot, job.started, self._asked = 0, time.monotonic(), None
        self._pool.start(job)
        try:
            while (code := self._pool.poll(job)) is None:
                asked, self._asked = self._asked, None
                if asked:
                    asked(job)
                time.sleep(0.1)
        except BaseException:  # this process has to end
            self._pool.ask_to_stop(job)
            late = time.monotonic() + PATIENCE
            while self._pool.poll(job) is None and time.monotonic() < late:
                time.sleep(0.1)
            self._pool.close()
            raise
        return code, job.message

    def stop(self, at_once: bool = False) -> None:
        """The job that runs, `run` in another thread, saves and ends, or ends `at_once`."""
        self._asked = self._pool.kill if at_once else self._pool.ask_to_stop


def arguments(settings: dict) -> tuple:
    """Those of `Worker` on another machine, whose processes may have been started elsewhere, by somebody else."""
    handed_on = {k: v for k, v in os.environ.items() if k == "PYTHONPATH" or k.startswith("VAELAB_")}
    return os.getcwd(), handed_on, settings


def sent(job: Job) -> Job:
    """A job as it travels: without what only the sweep's process needs."""
    return replace(job, hydra={}, message=None)


def about(error: Exception) -> str:
    """What a cluster says of a job it lost, in one line; some say nothing but the error's name."""
    words = [line for line in str(error).splitlines() if line.strip()]
    return ": ".join([type(error).__name__, *(line.strip()[:200] for line in words[-1:])])
