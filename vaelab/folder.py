"""A folder that one process at a time works on, and files that are never half written."""

import json
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import RunError


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

    def _read_json(self, name: str) -> dict:
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None

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
            for leftover in (*self.path.glob(".[0-9]*-*"), *self.path.glob("frames/.[0-9]*-*")):  # a killed process's
                leftover.unlink(missing_ok=True)
            yield

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


def write(path: Path, text: str) -> None:
    """Text into a file, as `beside` does it."""
    with beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def beside(path: Path):
    """A temporary name of the same suffix, renamed at the end: no reader sees half a file, a full disk costs none."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
