"""Where a command is asked to write, checked before its work begins."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import ConfigError


def output_file(key: str, value, suffixes: tuple[str, ...] = ()) -> Path:
    """The file that `key=value` asks for, with ~ expanded; nothing is made yet.

    Args:
        suffixes: endings it may have (".png",); () for any.

    Raises:
        ConfigError: another ending, a folder, or a place where no file can be written.
    """
    path = _expanded(key, value)
    if suffixes and path.suffix.lower() not in suffixes:
        raise ConfigError(f"{key}: expected a file that ends in {' or '.join(suffixes)}, got '{value}'.")
    with _said_of(key, value):
        if path.is_dir() or str(value).endswith(os.sep):
            example = path / f"out{suffixes[0] if suffixes else ''}"
            raise ConfigError(f"{key}={value} is a folder. Name a file, for instance {key}={example}")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{key}={value} is no ordinary file. Name another one.")
        if path.exists() and not os.access(path, os.W_OK):
            raise ConfigError(f"{key}={value} may not be overwritten (no permission). Name another file.")
    _takes_files(key, value, path.parent)
    return path


def output_folder(key: str, value) -> Path:
    """The folder that `key=value` asks for, with ~ expanded; nothing is made yet.

    Raises:
        ConfigError: it is a file, or no folder can be made or written to there.
    """
    path = _expanded(key, value)
    _takes_files(key, value, path)
    return path


def _expanded(key: str, value) -> Path:
    text = str(value)
    if not text or "\0" in text:
        raise ConfigError(f"{key}: expected a path, got {text!r}.")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody
        raise ConfigError(f"{key}={value}: there is no such user. Write the folder in full.") from None


def _takes_files(key: str, value, folder: Path) -> None:
    """ConfigError unless a file can be written into the folder, or into the nearest one above that is there."""
    with _said_of(key, value):
        while not folder.exists() and not folder.is_symlink():
            folder = folder.parent
        if not folder.is_dir():
            raise ConfigError(f"{_named(key, value)} cannot be written: {folder} is a file, not a folder.")
    with _said_of(key, value, f"nothing can be written into {folder.absolute()}, "):
        tempfile.TemporaryFile(dir=folder).close()  # the only proof; permissions say nothing of root or of /proc


def _named(key: str, value) -> str:
    """ "output=x.png"; of what was not typed "the run's figures (outputs/...)"."""
    return f"{key} ({value})" if " " in key else f"{key}={value}"


@contextmanager
def _said_of(key: str, value, what: str = ""):
    """Turns what the file system refuses into a sentence about the setting."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"{_named(key, value)} cannot be written: {what}{why}. Name another place.") from None
