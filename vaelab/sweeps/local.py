"""Jobs of a sweep as processes of this machine."""

import logging
import os
import signal
import subprocess

from vaelab.compute.backend import usable_cores
from vaelab.sweeps import warm
from vaelab.sweeps.job import Job
from vaelab.system import signals
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

GIB = 2**30
# GiB of one job: TensorFlow, a small model, MLflow (measured: 1.0 on the digits, 1.35 with conv_v2 on Fashion-MNIST).
MEMORY_OF_A_JOB = 2.0
GRACE = 30.0  # seconds that a job has to end by itself after its timeout


class LocalPool:
    """Runs jobs at once, each a process in the launcher's own process group.

    Args:
        n_jobs: how many at once; None for what cores, memory and GPUs allow.
        threads: threads of one job.
        memory_limit, timeout_min: GiB and minutes after which a job is ended, or None.
        device: "auto" or "cpu".
        fresh_processes: whether each job imports everything itself, instead of being forked after the imports (`warm`).
        outlive: whether jobs go on when this process is gone; else they save and end.
    """

    where = "on this machine"

    def __init__(self, *, n_jobs, threads, memory_limit, timeout_min, device, fresh_processes, outlive=True):
        self.outlive = outlive
        self.memory_limit, self.timeout_min = memory_limit, timeout_min
        self.fresh_processes, self._hosts = fresh_processes, {}
        if not fresh_processes and not warm.supported():
            self._begin_fresh("only Linux forks a process safely after its imports")
        self.gpus = [] if device == "cpu" else visible_gpus()
        self.n_jobs = self.takes = n_jobs or fitting_jobs(threads, len(self.gpus), memory_limit)
        self._running: dict[int, subprocess.Popen | warm.Forked] = {}

    def start(self, job: Job) -> None:
        """Starts its process; what it prints goes to its log."""
        self._running[job.number] = self._fresh(job) if self.fresh_processes else self._forked(job)

    def _fresh(self, job: Job) -> subprocess.Popen:
        environment = {**os.environ, **self._environment(job)}
        with open(job.folder.job_log, "ab") as out:
            return subprocess.Popen(
                job.command(), env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=None if self.outlive else signals.end_with_parent,
            )  # fmt: skip

    def _forked(self, job: Job) -> warm.Forked:
        way = (job.cfg["backend"], job.cfg["device"], job.threads)
        host = self._hosts.get(way)
        if host is None or host.ended:
            with open(job.folder.job_log, "ab") as out:
                host = self._hosts[way] = warm.Host(warm.command(*way), job.environment(), out)
        return host.fork(job.words(), self._environment(job), str(job.folder.job_log), outlive=self.outlive)

    def _environment(self, job: Job) -> dict[str, str]:
        return job.environment(self.gpus[job.slot % len(self.gpus)] if self.gpus else None)

    def _begin_fresh(self, why: str) -> None:
        """From now on, which is said once."""
        if not self.fresh_processes:
            log.log(NOTE, f"jobs begin as fresh processes, each with its own imports: {why}.")
        self.fresh_processes = True

    def poll(self, job: Job) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        process = self._running[job.number]
        if isinstance(process, warm.Forked) and process.refused():
            self._begin_fresh(process.why_refused)
            process = self._running[job.number] = self._fresh(job)
        code = process.poll()
        if code is not None:
            del self._running[job.number]
        elif self.memory_limit is not None and (used := _memory(process.pid)) > self.memory_limit * GIB:
            job.message = f"used {used / GIB:.1f} GiB, over hydra.launcher.memory_limit={self.memory_limit:g}"
            process.kill()
        elif self.timeout_min is not None and (late := (job.seconds() or 0) - 60 * self.timeout_min) > 0:
            if job.message is None:
                limit = f"hydra.launcher.timeout_min={self.timeout_min:g}"
                job.message = f"ended after {limit} minutes, while it was {job.phase()}"
                process.send_signal(signal.SIGTERM)  # from a step of the training it saves
            elif late > GRACE:
                process.kill()
        return code

    def ask_to_stop(self, job: Job) -> None:
        """SIGTERM: it finishes its step and saves."""
        self._running[job.number].send_signal(signal.SIGTERM)

    def kill(self, job: Job) -> None:
        """SIGKILL; its last checkpoint stays."""
        self._running[job.number].kill()

    def close(self) -> None:
        """Nothing stays behind."""
        for process in self._running.values():
            process.kill()
        for host in self._hosts.values():
            host.close()


def fitting_jobs(threads: int, n_gpus: int, memory_limit: float | None) -> int:
    """As many jobs as there are GPUs; without one, as cores and free memory allow."""
    import psutil

    if n_gpus:
        return n_gpus
    room = psutil.virtual_memory().available / GIB / (memory_limit or MEMORY_OF_A_JOB)
    return max(1, min(usable_cores() // threads, int(room)))


def visible_gpus() -> list[str]:
    """Numbers of the NVIDIA GPUs a job may use, as CUDA_VISIBLE_DEVICES names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name not in ("", "-1")]
    try:
        told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(n) for n, line in enumerate(x for x in told.stdout.splitlines() if x.startswith("GPU "))]


def _memory(pid: int | None) -> int:
    """Resident bytes of a process and its children; none before there is one."""
    import psutil

    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0
