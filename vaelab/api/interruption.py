"""Ctrl-C in Python."""

from contextlib import contextmanager

from vaelab.errors import Interrupted
from vaelab.records.run_folder import RunFolder


@contextmanager
def interruption_told(folder: RunFolder):
    """Ctrl-C, or a notebook's stop button, as `Interrupted` with what to type next."""
    try:
        yield
    except (Interrupted, KeyboardInterrupt) as error:
        if not folder.checkpoint.is_dir():
            raise Interrupted("stopped before the first epoch was finished; nothing is lost but that time.") from None
        again = f"vaelab.load({str(folder)!r}).resume()"
        text = str(error).partition("Continue with: ")[2]
        told = f"{again}, or in a terminal: {text}" if text else again
        raise Interrupted(f"stopped; finished epochs are saved. Continue with {told}") from None
