"""A folder that one process at a time works on, and files that are never half written."""

import json
import os
import re
import shutil
import socket
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vaelab.config.folders import remove_empty
from vaelab.config.words import from_here
from vaelab.errors import RunError, visible
from vaelab.system.files import remove, write

MOST_VALUES = 1_000_000  # in a yaml or json file of a folder; aliases of a few lines can stand for billions

PATIENCE = 30.0  # seconds to wait for another process that writes a record


def inside(*names: str) -> Any:
    """An attribute of a folder: the path of a file in it."""
    return property(lambda folder: folder.path.joinpath(*names))


class Folder:
    """A folder one process at a time works on."""

    WORK = "used"
    # What a folder may hold in which nothing was done yet.
    MADE_FIRST = frozenset({".lock", ".holder", ".update.lock"})

    def __init__(self, path):
        self.path = Path(path).resolve()

    def __str__(self):
        return visible(from_here(self.path))

    def _read_json(self, name: str, kind: type = dict, types: dict | None = None) -> Any:
        """Content of a json file, which must be of a kind; an empty one where the file is missing.

        Args:
            types: {key: type or types} that values must be of where they are not null.

        Raises:
            RunError: it cannot be read, or is not so.
        """
        path = self.path / name
        try:
            content = shown(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return kind()
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, kind):
            raise damaged(path, f"expected a {kind.__name__}, got a {type(content).__name__}")
        if types is not None:
            check_types(content, types, f"{path}")
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

    def discard_if_empty(self, keep: Path) -> None:
        """Removes a folder in which nothing was done yet, and empty ones above it, down to `keep`, which was before."""
        if {p.name for p in self.path.glob("*")} <= self.MADE_FIRST:
            shutil.rmtree(self.path, ignore_errors=True)
            remove_empty(self.path.parent, keep)

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
        if (lock := self._lock(".lock", 1.0)) is None:  # a reader asks only for a moment
            raise RunError(f"{self} is being {self.WORK} by {self._who()}.")
        with lock:
            who = self.path / ".holder"
            who.write_text(
                f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
            )
            self._remove_leftovers()
            try:
                yield
            finally:
                who.unlink(missing_ok=True)

    @contextmanager
    def updating(self):
        """Holds the folder's records for a moment, also beside the process that works on it.

        Raises:
            RunError: another process has kept them for half a minute.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if (lock := self._lock(".update.lock", PATIENCE)) is None:
            raise RunError(f"{self} has been written to by another process for {PATIENCE:.0f} s. Try again.")
        with lock:
            yield

    def _lock(self, name: str, seconds: float):
        """One of the folder's locks, taken, as a context that gives it back; None where another keeps it so long."""
        from filelock import FileLock, Timeout

        try:
            return FileLock(self.path / name, timeout=seconds).acquire()
        except Timeout:
            return None

    def _remove_leftovers(self) -> None:
        """What killed processes were writing."""
        import psutil

        for where in (".", "frames", "figures", "figures/epochs", "report"):
            for leftover in (self.path / where).glob(".[0-9]*-*"):
                process = int(re.split(r"\D", leftover.name[1:])[0])
                alive = process < 2**31 and psutil.pid_exists(process)
                if process == os.getpid() or not alive:  # numbers come again, in a container soon
                    remove(leftover)

    def holder(self) -> str | None:
        """Who works on it now, or None."""
        path = self.path / ".lock"
        if not path.is_file() or path.is_symlink():
            return None
        try:
            lock = self._lock(path.name, 0)
        except OSError:  # not ours to lock
            return None
        if lock is None:
            return self._who()
        with lock:
            return None

    def _who(self) -> str:
        for name in (".holder", ".lock"):  # an earlier vaelab wrote it into the lock itself
            with suppress(OSError):
                if text := (self.path / name).read_text(errors="replace").strip():
                    return visible(text)
        return "another process"


def damaged(path: Path, why: str) -> RunError:
    """The sentence on a file whose content is not what is written there."""
    return RunError(f"{path} is damaged ({why}). Restore it, or remove it.")


def shown(content) -> Any:
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
