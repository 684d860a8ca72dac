"""What a process says (the logger `vaelab`), what it was asked for, and that printing never ends the process."""

import errno
import logging
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

# The reader of a pipe, or the terminal, is gone for good.
GONE = {errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF}
# The level of what is good to know: above information, below a warning.
NOTE = 25
WORDS = {NOTE: "note: ", logging.WARNING: "warning: ", logging.ERROR: "vaelab: "}
LOGGER = logging.getLogger("vaelab")
logging.addLevelName(NOTE, "NOTE")


def output(text: str, end: str = "\n") -> None:
    """Prints what a command was asked for (a table, a path); all else is said to the logger."""
    print(text, end=end, flush=True)


class _Worded(logging.Formatter):
    """ "note: ...", "warning: ...", "vaelab: ..." for an error; information as it stands."""

    def format(self, record):
        text = super().format(record)
        rest = text.lstrip("\n")
        return text[: len(text) - len(rest)] + WORDS.get(record.levelno, "") + rest


class Console(logging.Handler):
    """Information goes to standard output, notes, warnings and errors to standard error, whatever these are now."""

    def emit(self, record):
        try:
            print(self.format(record), file=sys.stdout if record.levelno <= logging.INFO else sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


class _RunLog(logging.FileHandler):
    def handleError(self, record):
        """A full disk, or a signal in the middle of a write: the work goes on."""


def installed() -> Console | None:
    """The handler that shows what the logger `vaelab` is told; None where it has none, or one of somebody else's."""
    return next((h for h in LOGGER.handlers if isinstance(h, Console)), None)


def install() -> Console | None:
    """Puts that handler there where the logger has none; one of somebody else's stays, and its level in any case."""
    if any(not isinstance(h, _RunLog) for h in LOGGER.handlers):
        return installed()
    handler = Console()
    handler.setFormatter(_Worded())
    LOGGER.addHandler(handler)
    LOGGER.propagate = False  # what libraries do with the root logger shows nothing twice
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    return handler


@contextmanager
def quietly(quiet: bool):
    """Within it, if `quiet`, only warnings, errors and what was asked for are shown; run.log has all."""
    console = install()
    if console is None or not quiet:
        yield
        return
    saved = console.level
    console.setLevel(logging.WARNING)
    try:
        yield
    finally:
        console.setLevel(saved)


def shows_progress() -> bool:
    """Whether information is shown, so that a progress bar may be, too."""
    console = installed()
    return console is not None and console.level <= logging.INFO and LOGGER.isEnabledFor(logging.INFO)


@contextmanager
def logged_to(path: Path):
    """Appends what the logger `vaelab` is told to a file."""
    handler = _RunLog(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Worded())
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        with suppress(OSError):
            handler.close()


@contextmanager
def despite_trouble():
    """Whatever becomes of the reader, the terminal, the disk or the encoding of what is printed, the work goes on."""
    for number in range(3):  # a file opened later must not become standard output, which native libraries write to
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    saved = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Lasting, saved)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Lasting):
                stream.end()
        sys.stdout, sys.stderr = saved


def plus_minus(score: dict, digits: int) -> str:
    """ "± 0.12" of a stored score, its doubt where it is but a bound, "" where no error is known."""
    return score.get("doubt") or (f"± {score['se']:.{digits}g}" if score.get("se") else "")


class _Lasting:
    """A stream that swallows what its file refuses."""

    def __init__(self, stream):
        self._stream = stream if stream is not None else open(os.devnull, "w")  # noqa: SIM115 (closed with the process)

    def write(self, text):
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "replace").decode(encoding))
        except (OSError, ValueError, RuntimeError) as error:  # closed; written to by a signal in the middle of a write
            self._lost(error)
        return len(text)

    def flush(self):
        try:
            self._stream.flush()
        except (OSError, ValueError, RuntimeError) as error:
            self._lost(error)

    def close(self):
        """Flushes: absl closes the stream it found at its import, and this one is the process's."""
        self.flush()

    def end(self):
        """What cannot be written by now never will be: Python's own end must not fail over it."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._to_nowhere()

    def _lost(self, error):
        if getattr(error, "errno", None) in GONE:
            self._to_nowhere()

    def _to_nowhere(self):
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)
