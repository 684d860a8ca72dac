"""Jobs of a sweep on a SLURM cluster, through submitit."""

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaelab.errors import ConfigError, Interrupted
from vaelab.sweeps import remote
from vaelab.sweeps.job import Job, Lost
from vaelab.sweeps.local import fitting_jobs
from vaelab.system import signals
from vaelab.system.files import write


class SlurmPool:
    """One allocation per `jobs_per_allocation` jobs, in which a `remote.Worker` runs one after the other.

    Run folders must lie where the nodes see them, under the same path.

    Args:
        n_jobs: how many allocations may be submitted at once, None for all.
        worker: settings of each one's `LocalPool`; its threads are the cores of an allocation.
        folder: where submitit keeps its own files, and allocations report how their jobs have ended.
        executor: "slurm", or "local" to try it without a cluster.
        timeout_min, mem_gb, gpus: what each allocation asks for.
        partition: SLURM's, or None.
        more: further parameters of submitit's executor, e.g. {slurm_account: mine}.
    """

    takes = None

    def __init__(
        self, *, n_jobs, worker, folder, executor, jobs_per_allocation, timeout_min, mem_gb, gpus, partition, more
    ):  # fmt: skip
        try:
            import submitit
        except ImportError:
            raise ConfigError('cluster=slurm needs submitit: pip install "vaelab[slurm]".') from None
        try:
            self._executor = submitit.AutoExecutor(folder=str(folder), cluster=executor)
        except RuntimeError as error:
            raise ConfigError(f"cluster=slurm: {error}. Is sbatch on this machine?") from None
        threads = worker["threads"]
        wanted = {"timeout_min": timeout_min, "mem_gb": mem_gb, "cpus_per_task": threads, "gpus_per_node": gpus}
        if partition is not None:
            wanted["slurm_partition"] = partition
        self._executor.update_parameters(name="vaelab", **wanted, **more)
        self.n_jobs = n_jobs or (fitting_jobs(threads, 0, mem_gb) if executor == "local" else 1000)
        self.where = f"through submitit ({executor})"
        self._folder, self._jobs_per_allocation = folder, jobs_per_allocation
        self._arguments = remote.arguments(worker)
        self._waiting: list[Job] = []
        self._submitted: dict[int, _Submitted] = {}
        self._stopped: set[int] = set()

    def start(self, job: Job) -> None:
        """It waits for an allocation."""
        job.started = None
        self._waiting.append(job)

    def poll(self, job: Job) -> int | None:
        """Its exit code, or None while it waits or runs.

        Raises:
            Lost: its allocation ended before it.
        """
        self._submit()
        if (submitted := self._submitted.get(job.number)) is None:
            return Interrupted.exit_code if job.number in self._stopped else None
        over = submitted.allocation.done()  # asked first: one that is over has reported what it will
        report = Allocation.report(submitted.reports, job)
        if report and job.started is None:
            job.started = time.monotonic()
        code = report.get("code")
        if code is None and not over:
            return None
        del self._submitted[job.number]
        if code is not None:
            job.message = report["message"]
        elif job.number in self._stopped:
            code = Interrupted.exit_code
        elif job.started is None and any(submitted.reports.iterdir()):  # another job's end took its allocation
            self._waiting.append(job)
        elif submitted.allocation.state.startswith("CANCELLED"):
            code, job.message = 1, "its allocation was cancelled; the same command goes on with it"
        else:
            raise Lost(f"its allocation ended: {submitted.end}")
        return code

    def _submit(self) -> None:
        """As many of those that wait as may be submitted."""
        while self._waiting and len({s.reports for s in self._submitted.values()}) < self.n_jobs:
            jobs = self._waiting[: self._jobs_per_allocation]
            del self._waiting[: len(jobs)]
            reports = Path(self._folder) / uuid.uuid4().hex
            reports.mkdir(parents=True)
            run = Allocation([remote.sent(job) for job in jobs], reports, self._arguments)
            submitted = _Submitted(self._executor.submit(run), reports)
            self._submitted |= {job.number: submitted for job in jobs}

    def ask_to_stop(self, job: Job) -> None:
        """scancel: SIGTERM first. One that waits does not begin."""
        self._stopped.add(job.number)
        if job.number in self._submitted:
            self._submitted[job.number].allocation.cancel()
        else:
            self._waiting.remove(job)

    kill = ask_to_stop

    def close(self) -> None:
        """Nothing stays behind in the queue."""
        for submitted in self._submitted.values():
            submitted.allocation.cancel()


@dataclass
class _Submitted:
    """submitit's handle of an allocation, and the folder of its reports."""

    allocation: Any
    reports: Path

    @property
    def end(self) -> str:
        """What is known of it, in one line."""
        said = (self.allocation.stderr() or "").strip().splitlines()
        return ": ".join([self.allocation.state, *said[-1:]])


class Allocation:
    """What an allocation does: its jobs, one after the other; begun again after a preemption, those that are left.

    Args:
        jobs: in order.
        reports: folder for how they ended; a file per job.
        arguments: of the `remote.Worker`.
    """

    def __init__(self, jobs: list[Job], reports: Path, arguments: tuple):
        self._jobs, self._reports, self._arguments, self._stopped = jobs, reports, arguments, False

    def __call__(self) -> None:
        worker = remote.Worker(*self._arguments)

        def stop(number, frame):  # scancel
            self._stopped = True
            worker.stop()

        with signals.handled_by(stop):
            for job in self._jobs:
                if self.report(self._reports, job).get("code") is None and not self._stopped:
                    self._run(worker, job)

    def _run(self, worker: remote.Worker, job: Job) -> None:
        code, message = None, None
        if job.status().get("state") == "done":  # by an allocation that a killed sweep left in the queue
            code = 0
        self._tell(job, code=code, message=message)
        if code is None:
            code, message = worker.run(job)
            if not self._stopped:
                self._tell(job, code=code, message=message)

    def _tell(self, job: Job, **facts) -> None:
        write(self._reports / f"{job.number}.json", json.dumps(facts))

    @staticmethod
    def report(reports: Path, job: Job) -> dict:
        """{"code": exit code or None while it runs, "message": why it was ended or None}; empty before it has begun."""
        try:
            return json.loads((reports / f"{job.number}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
