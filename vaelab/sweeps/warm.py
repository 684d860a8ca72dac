"""Warm starts: a process imports what every job needs, once, and forks each job from there.

The launcher's side is `Host`. The host, `python -m vaelab.sweeps.warm BACKEND DEVICE THREADS`, imports and does nothing
else: no tensor, no device, no thread of its own, or it says so and forks nothing. It reads a line of JSON per job and
writes one when a job has begun and one when it has ended. multiprocessing's forkserver is not it: that one imports the
caller's main script again, which in a script that calls `vaelab.sweep` is the sweep itself.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

from vaelab.config import locate
from vaelab.errors import Interrupted
from vaelab.records import environment
from vaelab.system import signals
from vaelab.system.exits import exit_code_of

# What else begins threads when it is imported: numpy's and scipy's OpenBLAS, of which each job gets its number back
# (`_job`), and the allocator of pyarrow, which pandas brings.
WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def supported() -> bool:
    """Whether a process can be forked after its imports: on Linux; macOS's libraries do not survive it."""
    return sys.platform == "linux"


class Host:
    """The launcher's side of a process that jobs are forked from.

    Args:
        command: starts it.
        environment: its variables.
        log: a file for what its imports have to say.

    Attributes:
        refusal: why it forks nothing, where it has said so.
        silent: whether it has ended and no job is left that has not said that it began; as of the last `read`.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log):
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment, **WITHOUT_THREADS}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        self._requests, self._reports = self._process.stdin, self._process.stdout
        os.set_blocking(self._reports.fileno(), False)
        self._unread, self.refusal, self.silent = b"", None, False
        self._number, self._pids, self._codes = 0, {}, {}

    def fork(self, words: list[str], environment: dict[str, str], log: str, outlive: bool = True) -> "Forked":
        """A job's process, begun as soon as the imports are done.

        Args:
            words: of `vaelab.jobs.job`.
            environment: variables of this job alone.
            log: file that its output is appended to.
            outlive: whether it goes on when the host has ended, which does so with the launcher.
        """
        self._number += 1
        request = {"number": self._number, "words": words, "environment": environment, "log": log, "outlive": outlive}
        with suppress(OSError, ValueError):  # it has ended: `Forked.refused`
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        return Forked(self, self._number)

    @property
    def ended(self) -> bool:
        """Whether it forks no more."""
        return self._process.poll() is not None

    def read(self) -> None:
        """Takes in what it has reported since."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._reports.fileno(), 65536):
                self._unread += chunk
            self.silent = True  # each job keeps the pipe open until it has said that it began
        *lines, self._unread = self._unread.split(b"\n")
        for report in map(json.loads, lines):
            if "refusal" in report:
                self.refusal = report["refusal"]
            elif "code" in report:
                self._codes[report["number"]] = report["code"]
            else:
                self._pids[report["number"]] = report["pid"]

    def pid(self, number: int) -> int | None:
        """Process of a job, None before it has begun."""
        return self._pids.get(number)

    def code(self, number: int) -> int | None:
        """Exit code of a job, None before it has ended, or where the host ended before it."""
        return self._codes.get(number)

    def close(self) -> None:
        """It ends; the jobs that run go on, and what it has reported of them can be read."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._requests.close()


class Forked:
    """A forked job, with what `subprocess.Popen` has of a process."""

    def __init__(self, host: Host, number: int):
        self._host, self._number, self._cancelled = host, number, False

    @property
    def pid(self) -> int | None:
        return self._host.pid(self._number)

    def refused(self) -> bool:
        """Whether the host ended without beginning it."""
        self._host.read()
        return self._host.silent and self.pid is None and not self._cancelled

    @property
    def why_refused(self) -> str:
        """For people."""
        return self._host.refusal or "the one that imports for all of them ended; a job's log may say more"

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs; 1 where nobody is left to tell."""
        self._host.read()
        code = self._host.code(self._number)
        if self._cancelled and self.pid is not None:  # it was just beginning
            self._cancelled = False
            self.send_signal(signal.SIGTERM)
        if code is not None or not self._host.silent:
            return code
        if self.pid is None:
            return Interrupted.exit_code if self._cancelled else None
        return None if _runs(self.pid) else 1

    def send_signal(self, number: int) -> None:
        """The signal; a job that has not begun will not."""
        self._host.read()
        if self.pid is None:
            self._cancelled = True
            self._host.close()
        elif self._host.code(self._number) is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# -- the host ----------------------------------------------------------------------------------------------------------


def serve(preload: Callable[[], None], run: Callable[[list[str]], int]) -> None:
    """Forks a process for each request on standard input, until that is closed; the jobs then go on.

    Args:
        preload: imports what all jobs need.
        run: function (a job's words) -> exit code.
    """
    requests, reports = os.dup(0), os.dup(1)  # private: not what a library reads or prints, and no child's
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    # a terminal's Ctrl-C reaches the whole group: the jobs hear it, the launcher waits for what is reported of them
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    preload()
    if (n := _threads()) > 1:
        _report(reports, refusal=f"after its imports the process has {n} threads, and forking it would not be safe")
        return
    gc.collect()
    gc.freeze()  # what is imported stays shared with the jobs
    unread, running = b"", {}
    while True:
        ready, _, _ = select.select([requests], [], [], 0.1)
        if ready:
            chunk = os.read(requests, 65536)
            if not chunk:
                return
            *lines, unread = (unread + chunk).split(b"\n")
            for request in map(json.loads, lines):
                pid = os.fork()
                if pid == 0:
                    _report(reports, number=request["number"], pid=os.getpid())
                    os.close(requests)
                    os.close(reports)
                    _become(request, run, before)
                running[pid] = request["number"]
        while running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            _report(reports, number=running.pop(pid), code=os.waitstatus_to_exitcode(status))


def _threads() -> int:
    """Threads of this process, those of native libraries among them."""
    return len(os.listdir("/proc/self/task"))


def _report(where: int, **facts) -> None:
    with suppress(BrokenPipeError):  # the launcher is gone: the next read ends the host
        os.write(where, json.dumps(facts).encode() + b"\n")


def _become(request: dict, run, before: dict) -> None:
    """The forked process from here on is the job's, to its end."""
    code = 1
    try:
        for number, handler in before.items():
            signal.signal(number, handler)
        if not request["outlive"]:
            signals.end_with_parent()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for number in (1, 2):
            os.dup2(log, number)
        os.close(log)
        os.environ.update(request["environment"])
        code = run(request["words"])
    except BaseException:  # nothing of a job may come back into the host's loop
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def command(backend: str, device: str, threads: int) -> list[str]:
    """Starts the host of jobs that compute in this way: what of it is read at the import is the same for all."""
    return [sys.executable, "-m", "vaelab.sweeps.warm", backend, device, str(threads)]


def _preload(backend: str, device: str, threads: str) -> None:
    """What every job imports; parts of the user's are left to the jobs."""
    import importlib

    from vaelab.compute.backend import preload

    preload(backend, device=device, threads=int(threads))
    usual = [f"vaelab.{group}s.{name}" for group in ("metric", "plot") for name in locate.usual(group)]
    for name in (*IMPORTED_BY_EVERY_JOB, *usual):
        importlib.import_module(name)
    environment.packages()


IMPORTED_BY_EVERY_JOB = (
    "h5py", "PIL.Image", "matplotlib.figure", "matplotlib.backends.backend_agg", "psutil", "filelock", "yaml",
    "vaelab.jobs.train", "vaelab.jobs.job", "vaelab.training.fit", "vaelab.view.latent_view",
)  # fmt: skip


def _job(words: list[str]) -> int:
    from vaelab.jobs import job

    if (threads := int(os.environ["OPENBLAS_NUM_THREADS"])) > 1:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, user_api="blas")
    return exit_code_of(lambda: job.main(words[0], words[1:]))


if __name__ == "__main__":
    serve(lambda: _preload(*sys.argv[1:]), _job)
