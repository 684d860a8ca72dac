"""Colour on a terminal; elsewhere, and where NO_COLOR is set (https://no-color.org), text as it stands."""

import os
import sys

CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def shown_on(stream) -> bool:
    """Whether a stream is a terminal that shows colours, and they are wanted."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def painted(text: str, style: str | None, stream=None) -> str:
    """The text in a style of `CODES` where the stream (None: standard output) shows colours."""
    if not text or style is None or not shown_on(stream or sys.stdout):
        return text
    return f"\x1b[{CODES[style]}m{text}\x1b[0m"
