"""What a process prints: how numbers look, and a copy in a file."""

import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from vaelab.errors import DISK_TROUBLE


def plus_minus(score: dict, digits: int) -> str:
    """ "± 0.12" of a stored score, its doubt where it is but a bound, "" where no error is known."""
    return score.get("doubt") or (f"± {score['se']:.{digits}g}" if score.get("se") else "")


@contextmanager
def copied_to(path: Path):
    """Appends what is printed to a file."""
    log = open(path, "a", encoding="utf-8")  # noqa: SIM115 (a full disk may refuse the close)
    saved = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Tee(saved[0], log), _Tee(saved[1], log)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = saved
        with suppress(OSError):
            log.close()


class _Tee:
    """A stream whose lines also go to a file; progress bars (carriage returns) stay on the terminal."""

    def __init__(self, stream, log):
        self._stream, self._log = stream, log

    def write(self, text):
        if "\r" not in text and "\x1b" not in text:
            with _despite_a_full_disk():
                self._log.write(text)
                self._log.flush()
        with _despite_a_full_disk():  # a sweep's job writes into a file
            self._stream.write(text)
        return len(text)

    def flush(self):
        with _despite_a_full_disk():
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)


@contextmanager
def _despite_a_full_disk():
    """What is told must not stop a training; a reader that went away is another matter."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
