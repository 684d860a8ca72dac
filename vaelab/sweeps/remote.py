"""What a cluster's worker does for one job: run its command line, watched by the worker."""

import contextlib
import os
import signal
import subprocess

from vaelab.sweeps.job import Job


def run_command(command: list[str], environment: dict[str, str], log: str, cwd: str) -> int:
    """Runs the command to its end; its exit code, negative for a signal. A worker told to stop hands that on."""
    with open(log, "ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        try:
            return process.wait()
        except BaseException:
            process.terminate()  # it finishes its step and saves
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            raise


def task(job: Job) -> tuple:
    """The arguments of `run_command` for a job."""
    environment = job.environment()
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return job.command(), environment, str(job.folder.job_log), os.getcwd()


def _end_with_parent() -> None:
    """Linux: SIGTERM when the worker is killed, so that no job goes on without anybody waiting for it."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
