"""Jobs of a sweep on a SLURM cluster, through submitit."""

from vaelab.errors import ConfigError
from vaelab.sweeps.job import Job
from vaelab.sweeps.local import fitting_jobs
from vaelab.sweeps.remote import about, run_command, task


class SlurmPool:
    """One SLURM job per job. Run folders must lie where the nodes see them, under the same path.

    Args:
        n_jobs: how many may be submitted at once, None for all.
        threads: cores of each.
        folder: where submitit keeps its own files.
        executor: "slurm", or "local" to try it without a cluster.
        timeout_min, mem_gb, gpus: what each job asks for.
        partition: SLURM's, or None.
        more: further parameters of submitit's executor, e.g. {slurm_account: mine}.
    """

    def __init__(self, *, n_jobs, threads, folder, executor, timeout_min, mem_gb, gpus, partition, more):
        try:
            import submitit
        except ImportError:
            raise ConfigError('cluster=slurm needs submitit: pip install "vaelab[slurm]".') from None
        try:
            self._executor = submitit.AutoExecutor(folder=str(folder), cluster=executor)
        except RuntimeError as error:
            raise ConfigError(f"cluster=slurm: {error}. Is sbatch on this machine?") from None
        wanted = {"timeout_min": timeout_min, "mem_gb": mem_gb, "cpus_per_task": threads, "gpus_per_node": gpus}
        if partition is not None:
            wanted["slurm_partition"] = partition
        self._executor.update_parameters(name="vaelab", **wanted, **more)
        self.n_jobs = n_jobs or (fitting_jobs(threads, 0, mem_gb) if executor == "local" else 1000)
        self.where = f"through submitit ({executor})"
        self._running = {}

    def start(self, job: Job) -> None:
        """Submits it."""
        self._running[job.number] = self._executor.submit(run_command, *task(job))

    def poll(self, job: Job) -> int | None:
        """Its exit code, or None while it waits or runs; 1 where the cluster ended it."""
        submitted = self._running[job.number]
        if not submitted.done():
            return None
        del self._running[job.number]
        try:
            return submitted.result()
        except Exception as error:
            job.message = job.message or f"{submitted.state}: {about(error)}"
            return 1

    def ask_to_stop(self, job: Job) -> None:
        """scancel: SIGTERM first."""
        self._running[job.number].cancel()

    kill = ask_to_stop

    def close(self) -> None:
        """Nothing stays behind in the queue."""
        for submitted in self._running.values():
            submitted.cancel()
