"""Nested settings as dotted names."""

from collections.abc import Iterator
from typing import Any


def flat(settings: dict, above: str = "", *, nodes: bool = False) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting that is no group of others; with `nodes` of the groups, too."""
    for key, value in settings.items():
        if nodes or not isinstance(value, dict):
            yield f"{above}{key}", value
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.", nodes=nodes)
