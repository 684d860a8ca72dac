"""Nested settings as dotted names."""

from collections.abc import Iterator
from typing import Any


def flat(settings: dict, above: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting that is no group of others."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
