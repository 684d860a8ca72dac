"""What a process was asked for, printed; and that printing never ends the process. Imports next to nothing."""

import errno
import os
import sys
from contextlib import contextmanager, suppress

# The reader of a pipe, or the terminal, is gone for good.
GONE = {errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF}


def output(text: str, end: str = "\n") -> None:
    """Prints what a command was asked for (a table, a path); all else is said to the logger."""
    print(text, end=end, flush=True)


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
