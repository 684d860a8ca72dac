"""A folder that one process at a time works on, and files that are never half written."""

import json
import os
import re
import shutil
import socket
import time
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import RunError

PATIENCE = 30.0  # seconds to wait for another process that writes a record


class Folder:
    """A folder one process at a time works on."""

    WORK = "used"

    def __init__(self, path):
        self.path = Path(path).resolve()

    def __str__(self):
        """As short as a user may type it from here."""
        try:
            return str(self.path.relative_to(Path.cwd()))
        except ValueError:
            return str(self.path)

    def _read_json(self, name: str, kind: type = dict):
        """Content of a json file, which must be of a kind; an empty one where the file is missing.

        Raises:
            RunError: it cannot be read.
        """
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return kind()
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, kind):
            raise damaged(path, f"expected a {kind.__name__}, got a {type(content).__name__}")
        return content

    def _merge_json(self, name: str, facts: dict) -> dict:
        """Merges facts into a json file, whoever else does so at the same time; returns all of it.

        Raises:
            RunError: it cannot be read.
        """
        with self.updating():
            content = {**self._read_json(name), **facts}
            write(self.path / name, json.dumps(content, indent=1))
        return content

    # -- one process at a time ------------------------------------------------------------------------------------

    @contextmanager
    def locked(self):
        """Holds the folder for this process.

        Raises:
            RunError: another process works on it; the message says which.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "a+", encoding="utf-8") as file:
            if not _taken(file):
                file.seek(0)
                raise RunError(f"{self} is being {self.WORK} by {file.read().strip() or 'another process'}.") from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            file.flush()
            self._remove_leftovers()
            yield

    @contextmanager
    def updating(self):
        """Holds the folder's records for a moment, also beside the process that works on it.

        Raises:
            RunError: another process has kept them for half a minute.
        """
        from filelock import FileLock, Timeout

        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".update.lock", timeout=PATIENCE)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(f"{self} has been written to by another process for {PATIENCE:.0f} s. Try again.") from None
        try:
            yield
        finally:
            lock.release()

    def _remove_leftovers(self) -> None:
        """What killed processes were writing."""
        for where in (".", "frames", "figures", "figures/epochs", "report"):
            for leftover in (self.path / where).glob(".[0-9]*-*"):
                process = int(re.match(r"\.(\d+)", leftover.name)[1])
                if process == os.getpid() or not _alive(process):  # numbers come again, in a container soon
                    _remove(leftover)

    def holder(self) -> str | None:
        """Who works on it now, or None."""
        import fcntl

        path = self.path / ".lock"
        if not path.is_file():
            return None
        try:
            file = open(path, "r+", encoding="utf-8")  # noqa: SIM115 (closed by with below)
        except OSError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip()
        return None


def damaged(path: Path, why: str) -> RunError:
    """The sentence on a file whose content is not what is written there."""
    return RunError(f"{path} is damaged ({why}). Restore it, or remove it.")


def write(path: Path, text: str) -> None:
    """Text into a file, as `write_bytes` does it."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Bytes into a file, as `beside` does it, and on the disk before it gets its name."""
    with beside(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def beside(path: Path):
    """A temporary name of the same suffix, renamed at the end: no reader sees half a file, a full disk costs none.

    What is written there may be a folder, too. A device or a pipe is written to as it is.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        if temporary.is_dir():
            _remove(path)
        os.replace(temporary, path)
    except BaseException:
        _remove(temporary)
        raise


def _remove(path: Path) -> None:
    """Removes a file or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    """Whether a process of this machine has that number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _taken(file, seconds: float = 1.0) -> bool:
    """Locks a file for this process; False if another one keeps it for so long (a reader asks only for a moment)."""
    import fcntl

    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
