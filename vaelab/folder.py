"""A folder that one process at a time works on, and files that are never half written."""

import json
import os
import socket
import stat
import time
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import RunError, visible

MOST_VALUES = 1_000_000  # in a yaml or json file of a folder; aliases of a few lines can stand for billions


class Folder:
    """A folder one process at a time works on."""

    WORK = "used"

    def __init__(self, path):
        self.path = Path(path).resolve()

    def __str__(self):
        """As short as a user may type it from here."""
        try:
            return visible(str(self.path.relative_to(Path.cwd())))
        except ValueError:
            return visible(str(self.path))

    def _read_json(self, name: str, types: dict | None = None) -> dict:
        """Content of a json file, empty where there is none; its values are of these types (or null) where named."""
        path = self.path / name
        try:
            content = shown(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if types is not None:
            check_types(content, types, f"{path}")
        return content

    def check_links(self) -> None:
        """RunError where something inside is a link that leads out, or no file: writing would reach elsewhere."""
        for folder, folders, files in os.walk(self.path):
            for path in (Path(folder, name) for name in (*folders, *files)):
                kind = path.lstat().st_mode
                if stat.S_ISLNK(kind) and not Path(os.path.realpath(path)).is_relative_to(self.path):
                    raise RunError(f"{path} is a link that leads out of the folder {self}. Put a copy in its place.")
                if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
                    raise RunError(f"{path} is no file. vaelab did not make it: remove it.")

    # -- one process at a time ------------------------------------------------------------------------------------

    @contextmanager
    def locked(self):
        """Holds the folder for this process.

        Raises:
            RunError: another process works on it; the message says which.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.check_links()
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


def shown(content):
    """Values read from a file with every text made `visible`.

    Raises:
        ValueError: there are too many.
    """
    left = MOST_VALUES

    def walk(value):
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values")
        if isinstance(value, str):
            return visible(value)
        if isinstance(value, list):
            return [walk(v) for v in value]
        if isinstance(value, dict):
            return {walk(k): walk(v) for k, v in value.items()}
        return value

    return walk(content)


def check_types(content, types: dict, where: str) -> None:
    """RunError where `content` is no mapping, or a value is neither null nor of the type named for its key.

    Args:
        types: {key: type or types}; numbers must fit into 64 bits.
    """
    if not isinstance(content, dict):
        raise RunError(f"{where}: expected a mapping, got {type(content).__name__}. Restore it from a copy.")
    for key, kind in types.items():
        value = content.get(key)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, int) and abs(value) >= 2**63)):
            text = f"{type(value).__name__} {str(value)[:40]!r}"
            raise RunError(f"{where}: {key} is the {text}, which vaelab did not write. Restore the file from a copy.")


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
