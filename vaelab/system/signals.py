"""Signals that ask a process to stop: Ctrl-C, SIGTERM, and SIGHUP when its terminal is closed."""

import signal
import threading
from contextlib import contextmanager, suppress


@contextmanager
def handled_by(handler):
    """These signals call handler(number, frame), in the main thread; SIGHUP only where `nohup` has not silenced it."""
    saved = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                saved[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in saved.items():
            signal.signal(number, before)


def end_with_parent() -> None:
    """Linux: SIGTERM for this process when the one that began it is gone, so that it ends where nobody waits for it."""
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
