"""`vaelab ...` in a process of its own without its eight CPU seconds of imports: forked from one that has done them.

A process's imports of TensorFlow, Keras and MLflow are those of a host, `python forking.py BACKEND SOCKET`, which holds
no tensor, no device and no second thread. What is forked from it is a process like any other: with a folder,
environment, output, signals, exit code and a proper end of its own, and it imports vaelab itself.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = (
    "mlflow", "sklearn.manifold", "scipy.stats", "matplotlib.figure", "matplotlib.backends.backend_agg", "h5py",
    "PIL.Image", "pandas", "psutil", "filelock", "hydra", "omegaconf", "threadpoolctl", "tqdm",
)  # fmt: skip
# beginnings of variables that are read when something is imported: a host serves those who have them alike
READ_BY_IMPORTS = ("PYTHON", "LANG", "LC_", "OMP_", "OPENBLAS_", "TF_", "XLA_", "JAX_", "KERAS_", "CUDA_", "MPL")


class Fresh(subprocess.Popen):
    """A process that imports for itself, its output in files as a forked one's."""

    def __init__(self, words: list[str], cwd, environment: dict[str, str], new_session: bool):
        self._out, self._errors = _two_files()
        super().__init__(
            [sys.executable, "-m", "vaelab", *words], cwd=cwd, env=environment, start_new_session=new_session,
            stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._errors,
        )  # fmt: skip

    def communicate(self, input=None, timeout: float | None = 600) -> tuple[str, str]:
        """(standard output, standard error) when it has ended."""
        self.wait(timeout)
        return _read(self._out), _read(self._errors)


def _two_files():
    """For standard output and standard error."""
    return tempfile.TemporaryFile(), tempfile.TemporaryFile()


def _read(file) -> str:
    file.seek(0)
    return file.read().decode()


class Host:
    """The tests' side of a process that others are forked from.

    Args:
        backend: what it imports.
        environment: its variables.
    """

    def __init__(self, backend: str, environment: dict[str, str]):
        from vaelab.sweeps.warm import WITHOUT_THREADS

        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._read = _read_by_imports(environment)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, backend, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                env={**environment, **WITHOUT_THREADS}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def serves(self, environment: dict[str, str]) -> bool:
        """Whether a process with these variables would have imported the same."""
        return self._read == _read_by_imports(environment)

    def fork(self, words: list[str], cwd, environment: dict[str, str], new_session: bool) -> "Forked":
        """Begins `vaelab words...`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, errors = _two_files()
        request = {"words": words, "cwd": str(cwd or Path.cwd()), "environment": environment, "session": new_session}
        with theirs:
            handed = [theirs.fileno(), out.fileno(), errors.fileno()]
            socket.send_fds(self._ours, [json.dumps(request).encode()], handed)
        return Forked(words, ours, out, errors)


def _read_by_imports(environment):
    return {name: value for name, value in environment.items() if name.startswith(READ_BY_IMPORTS)}


class Forked:
    """A forked process, with what is used of `subprocess.Popen`; its output lies in files."""

    def __init__(self, words, reports, out, errors):
        self.args, self._reports, self._out, self._errors, self.returncode = words, reports, out, errors, None
        self.pid = self._report(600)  # when the host has its imports done

    def _report(self, timeout) -> int:
        self._reports.settimeout(timeout)
        told = self._reports.recv(100)
        assert told, "the host of the tests' processes has ended"
        return int(told)

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)

    def wait(self, timeout: float | None = 600) -> int:
        """Exit code; TimeoutExpired where it still runs after that many seconds."""
        if self.returncode is None:
            try:
                self.returncode = self._report(timeout)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout) from None
        return self.returncode

    def communicate(self, timeout: float | None = 600) -> tuple[str, str]:
        """(standard output, standard error) when it has ended."""
        self.wait(timeout)
        return _read(self._out), _read(self._errors)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# -- the host ----------------------------------------------------------------------------------------------------------


def serve(requests: socket.socket) -> dict:
    """Forks a process for each request until nobody can send another; comes back in each of them, with its request."""
    running = {}  # file descriptor of a process: (its number, the socket on which its end is told)
    while True:
        for ready in select.select([requests, *running], [], [])[0]:
            if ready is requests:
                message, fds, *_ = socket.recv_fds(requests, 1 << 20, 3)
                if not message:
                    sys.exit()
                if (pid := os.fork()) == 0:
                    become(request := json.loads(message), *fds[1:])
                    for other in (requests, *(told for _, told in running.values())):
                        other.close()
                    for fd in (*running, *fds):
                        os.close(fd)
                    return request
                told = socket.socket(fileno=fds[0])
                for fd in fds[1:]:
                    os.close(fd)
                told.send(str(pid).encode())
                running[os.pidfd_open(pid)] = pid, told
            else:
                pid, told = running.pop(ready)
                os.close(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with told, suppress(BrokenPipeError):  # nobody waits for it
                    told.send(str(code).encode())


def become(request: dict, out: int, errors: int) -> None:
    """What a process that is started has of its own: signals, session, output, folder, environment, path of imports."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if request["session"]:
        os.setsid()
    os.dup2(out, 1)
    os.dup2(errors, 2)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["vaelab", *request["words"]]
    sys.path[0] = request["cwd"]


def main(backend: str, fd: str) -> None:
    """Imports, forks; in a forked process, does what `python -m vaelab` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C ends pytest, and that ends this
    from vaelab.compute.backend import preload, usable_cores

    preload(backend, device="auto", threads=usable_cores())
    for name in IMPORTED:
        importlib.import_module(name)
    if (n := len(os.listdir("/proc/self/task"))) > 1:
        sys.exit(f"the host of the tests' processes has {n} threads after its imports: forking it would not be safe")
    for name in [name for name in sys.modules if name.partition(".")[0] == "vaelab"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(fd)))
    from threadpoolctl import threadpool_limits

    threadpool_limits(int(os.environ.get("OPENBLAS_NUM_THREADS") or len(os.sched_getaffinity(0))), user_api="blas")
    runpy.run_module("vaelab", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
