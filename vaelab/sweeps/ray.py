"""Jobs of a sweep on a Ray cluster, or on a local one."""

import importlib
import logging
import time
from dataclasses import dataclass
from typing import Any

from vaelab.errors import ConfigError, Interrupted
from vaelab.sweeps import remote
from vaelab.sweeps.job import Job, Lost

log = logging.getLogger(__name__)

MOST_FAILURES = 3  # of workers to begin, one after the other, before that is a job's loss
PAUSE = 5.0  # seconds after one: Ray may not have noticed yet that a machine is gone


@dataclass
class _Place:
    """A worker on some machine of the cluster, once it has answered, and the job it runs."""

    worker: Any
    answer: Any
    job: Job | None = None


class RayPool:
    """One Ray actor per job that runs at once, each a `remote.Worker`. Run folders must lie where the workers see them.

    Jobs go to actors that have begun, so that none waits for a machine that never comes; an actor without work ends.

    Args:
        n_jobs: how many at once, None for as many as the cluster's machines have cores and GPUs for.
        address: of the cluster; "auto" for the one running here (ray start --head), "local" to start one.
        gpus: share of a GPU each job asks for, e.g. 0.25.
        worker: settings of each one's `LocalPool`.
    """

    takes = None

    def __init__(self, *, n_jobs, address, gpus, worker):
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise ConfigError('cluster=ray needs ray: pip install "vaelab[ray]".') from None
        self._ray = ray
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error", configure_logging=False)
        except ConnectionError:
            raise ConfigError(
                f"cluster=ray: no cluster answers at address '{address}'. Start one with: ray start --head, "
                "or add hydra.launcher.settings.address=local."
            ) from None
        threads = worker["threads"]
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cores = int(sum(has.get("CPU", 0) for has in machines))
        fit = [min(has.get("CPU", 0) // threads, has.get("GPU", 0) // gpus if gpus else cores) for has in machines]
        if not sum(fit):
            wanted = f"{threads} cores" + (f" and {gpus:g} of a GPU" if gpus else "")
            log.warning(f"cluster=ray: no machine of the cluster has {wanted}; the jobs wait until one joins.")
        self.n_jobs = n_jobs or max(1, int(sum(fit)))
        self.where = f"on a Ray cluster of {cores} cores"
        self._worker = ray.remote(num_cpus=threads, num_gpus=gpus, max_concurrency=2, max_restarts=-1)(remote.Worker)
        self._arguments = remote.arguments(worker)
        self._places: list[_Place] = []
        self._waiting: list[Job] = []
        self._ended: dict[int, int | Lost] = {}
        self._again_at = self._begin_at = 0.0
        self._failures = 0

    def start(self, job: Job) -> None:
        """It waits for a place."""
        job.started = None
        self._waiting.append(job)

    def poll(self, job: Job) -> int | None:
        """Its exit code, or None while it waits or runs.

        Raises:
            Lost: its worker ended before it.
        """
        if time.monotonic() >= self._again_at:
            self._look()
            self._again_at = time.monotonic() + 0.1
        ended = self._ended.pop(job.number, None)
        if isinstance(ended, Lost):
            raise ended
        return ended

    def _look(self) -> None:
        """Takes in what workers have answered, gives each the next job, lets go those that are not needed."""
        answers = [place.answer for place in self._places]
        ready = self._ray.wait(answers, num_returns=len(answers), timeout=0)[0] if answers else []
        for place in [place for place in self._places if place.answer in ready]:
            if self._is_there(place) and self._waiting:
                place.job = self._waiting.pop(0)
                place.job.started = time.monotonic()
                place.answer = place.worker.run.remote(remote.sent(place.job))
        free = [place for place in self._places if place.job is None]
        for place in free[len(self._waiting) :]:
            self._end(place)
        wanted = min(self.n_jobs - len(self._places), len(self._waiting) - len(free))
        for _ in range(wanted if time.monotonic() >= self._begin_at else 0):
            worker = self._worker.remote(*self._arguments)
            self._places.append(_Place(worker, worker.ready.remote()))

    def _is_there(self, place: _Place) -> bool:
        """Whether a worker that has answered is alive; notes how its job has ended."""
        job, place.job, code = place.job, None, 0
        try:
            code, message = self._ray.get(place.answer) or (0, None)
        except self._ray.exceptions.ActorUnavailableError:  # Ray begins it again, somewhere, or reaches it again
            place.answer = place.worker.ready.remote()
            if job is not None:
                self._ended[job.number] = Lost("its Ray worker is gone")
            return False
        except self._ray.exceptions.RayActorError as error:
            self._places.remove(place)
            if job is None:  # it did not begin: its machine was just lost; or vaelab cannot be imported there, say
                self._failures, self._begin_at = self._failures + 1, time.monotonic() + PAUSE
                if self._failures > MOST_FAILURES and self._waiting:
                    job = self._waiting.pop(0)
            if job is not None:
                self._ended[job.number] = Lost(remote.about(error))
            return False
        except Exception as error:  # of the worker, not of the job
            code, message = 1, remote.about(error)
        if job is not None:
            self._ended[job.number], job.message = code, message
        self._failures = 0
        return True

    def _end(self, place: _Place) -> None:
        self._ray.kill(place.worker)
        self._places.remove(place)

    def ask_to_stop(self, job: Job, at_once: bool = False) -> None:
        """It saves and ends; one that waits does not begin."""
        if job in self._waiting:
            self._waiting.remove(job)
            self._ended[job.number] = Interrupted.exit_code
        for place in self._places:
            if place.job is job:
                place.worker.stop.remote(at_once)

    def kill(self, job: Job) -> None:
        """SIGKILL; its last checkpoint stays."""
        self.ask_to_stop(job, at_once=True)

    def close(self) -> None:
        """Nothing stays behind; the cluster itself goes on."""
        for place in list(self._places):
            self._end(place)
        self._ray.shutdown()
