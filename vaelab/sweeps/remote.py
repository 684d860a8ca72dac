"""What a cluster's worker does for one job: run its command line, watched by the worker."""

import contextlib
import os
import signal
import subprocess
import time

from vaelab.sweeps.job import Job


def run_command(command: list[str], environment: dict[str, str], log: str, cwd: str) -> int:
    """Runs the command to its end; its exit code, negative for a signal. A worker told to stop hands that on."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # inherited from a sweep in the background of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what Ray's cancel calls
    with open(log, "ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        try:
            while process.poll() is None:
                time.sleep(0.1)  # not wait(): what Ray raises in here must not have to wait for the job's end
            return process.returncode
        except BaseException:
            process.terminate()  # it finishes its step and saves
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            raise


def task(job: Job) -> tuple:
    """The arguments of `run_command` for a job; what it needs to log in at the tracking server goes with it."""
    handed_on = {k: v for k, v in os.environ.items() if k == "PYTHONPATH" or k.startswith("MLFLOW_")}
    environment = {**handed_on, **job.environment()}  # the worker may have been started elsewhere, by somebody else
    return job.command(), environment, str(job.folder.job_log), os.getcwd()


def about(error: Exception) -> str:
    """What a cluster says of a job it lost, in one line; some say nothing but the error's name."""
    words = [line for line in str(error).splitlines() if line.strip()]
    return ": ".join([type(error).__name__, *(line.strip()[:200] for line in words[-1:])])


def _end_with_parent() -> None:
    """Linux: SIGTERM when the worker is killed, so that no job goes on without anybody waiting for it."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
