"""What a process says: the logger `vaelab`, shown on the console and kept in files."""

import logging
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path

from vaelab.system import colours, tables

# The level of what is good to know: above information, below a warning.
NOTE = 25
WORDS = {NOTE: "note: ", logging.WARNING: "warning: ", logging.ERROR: "vaelab: "}
STYLES = {NOTE: "cyan", logging.WARNING: "yellow", logging.ERROR: "red"}
LOGGER = logging.getLogger("vaelab")
logging.addLevelName(NOTE, "NOTE")


class _Worded(logging.Formatter):
    """ "note: ...", "warning: ...", "vaelab: ..." for an error; information as it stands."""

    def format(self, record):
        text = super().format(record)
        rest = text.lstrip("\n")
        return text[: len(text) - len(rest)] + WORDS.get(record.levelno, "") + rest


class Console(logging.Handler):
    """Information goes to standard output, notes, warnings and errors to standard error, whatever these are now."""

    held: list[str] | None = None  # notes that are not shown yet

    def emit(self, record):
        if self.held is not None and record.levelno == NOTE:
            self.held.append(record.getMessage())
            return
        stream = sys.stdout if record.levelno <= logging.INFO else sys.stderr
        try:
            text, word = self.format(record), WORDS.get(record.levelno, "")
            shown = text.replace(word, colours.painted(word, STYLES.get(record.levelno), stream), 1) if word else text
            print(shown, file=stream, flush=True)
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


@contextmanager
def notes_in_a_line(log: Path):
    """Notes are kept, where they would go to a terminal, until the function that it gives is called, or to its end.

    Then one line has the first note, as far as it fits, and how many there are in `log`, which has them all. Elsewhere
    they are shown as they come.
    """
    console = installed()
    if console is None or console.held is not None or not sys.stderr.isatty():
        yield lambda: None
        return
    console.held = []

    def show():
        held, console.held = console.held or [], None
        texts = list(dict.fromkeys(held))
        if texts and console.level <= NOTE:
            room = (tables.terminal_width() or 80) - len(WORDS[NOTE])
            more = f" ({len(texts)} notes: {log.name})" if len(texts) > 1 or len(texts[0]) > room else ""
            text = textwrap.shorten(texts[0], room - len(more), placeholder=" ...") + more
            console.handle(LOGGER.makeRecord(LOGGER.name, NOTE, "", 0, text, (), None))

    try:
        yield show
    finally:
        show()


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


def counted(n: int, what: str) -> str:
    """ "1 latent", "3,000 latents"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def plus_minus(score: dict, digits: int) -> str:
    """ "± 0.12" of a stored score, its doubt where it is but a bound, "" where no error is known."""
    return score.get("doubt") or (f"± {score['se']:.{digits}g}" if score.get("se") else "")
