"""Files that are never half written: no reader sees half of one, a full disk costs none."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Text into a file, as `write_bytes` does it."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Bytes into a file, as `atomic_file` does it, and on the disk before it gets its name."""
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def atomic_file(path: Path):
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
            remove(path)
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def remove(path: Path) -> None:
    """Removes a file or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
