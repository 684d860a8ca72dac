"""Jobs of a sweep on a Ray cluster, or on a local one."""

import importlib
from typing import Any

from vaelab.errors import ConfigError
from vaelab.sweeps.job import Job
from vaelab.sweeps.remote import about, run_command, task


class RayPool:
    """One Ray task per job, each a process of its own on the worker. Run folders must lie where the workers see them.

    Args:
        n_jobs: how many at once, None for as many as the cluster has cores for.
        threads: cores of each.
        address: of the cluster; "auto" for the one running here (ray start --head), "local" to start one.
        gpus: share of a GPU each job asks for, e.g. 0.25.
    """

    def __init__(self, *, n_jobs, threads, address, gpus):
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
        cores = int(ray.cluster_resources().get("CPU", 1))
        self.n_jobs = n_jobs or max(1, cores // threads)
        self.where = f"on a Ray cluster of {cores} cores"
        self._run = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(run_command)
        self._running = {}

    def start(self, job: Job) -> None:
        """Hands it to the cluster."""
        self._running[job.number] = self._run.remote(*task(job))

    def poll(self, job: Job) -> int | None:
        """Its exit code, or None while it waits or runs; 1 where the worker died."""
        reference = self._running[job.number]
        if not self._ray.wait([reference], timeout=0)[0]:
            return None
        del self._running[job.number]
        try:
            return self._ray.get(reference)
        except Exception as error:
            job.message = job.message or about(error)
            return 1

    def ask_to_stop(self, job: Job) -> None:
        """Its worker hands SIGTERM on."""
        self._ray.cancel(self._running[job.number])

    def kill(self, job: Job) -> None:
        """Ends the worker."""
        self._ray.cancel(self._running[job.number], force=True)

    def close(self) -> None:
        """Nothing stays behind; the cluster itself goes on."""
        for reference in self._running.values():
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()
