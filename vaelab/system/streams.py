"""What a process was asked for, printed; and that printing never ends the process. Imports next to nothing."""

import errno
import json
import math
import os
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar

# The reader of a pipe, or the terminal, is gone for good.
GONE = {errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF}


def output(text: str, end: str = "\n") -> None:
    """Prints what a command was asked for (a table, a path); all else is said to the logger."""
    print(text, end=end, flush=True)


_asked: ContextVar[dict | None] = ContextVar("document", default=None)


def document(**facts) -> None:
    """Facts of what a command was asked for, as its JSON document has them; lists of one name are joined."""
    if (asked := _asked.get()) is not None:
        for name, value in facts.items():
            asked[name] = [*asked[name], *value] if isinstance(asked.get(name), list) else value


@contextmanager
def one_document(wanted: bool):
    """Within it, if `wanted`, standard output is kept for one JSON document, which `document` fills and which is
    printed in the end; everything else goes to standard error."""
    if not wanted:
        yield
        return
    facts: dict = {}
    token, saved = _asked.set(facts), sys.stdout
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = saved
        _asked.reset(token)
        output(json.dumps(_plain(facts), indent=1, allow_nan=False))


def _plain(value):
    """Of what JSON knows: numpy's numbers as numbers, what is no number as null, all else as text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)


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
