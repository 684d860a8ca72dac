"""Scores made for a run, and what they say of images."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vaelab.config import locate, trust
from vaelab.config.nearest import nearest
from vaelab.config.parts import settings
from vaelab.contracts import ImageScore, optional
from vaelab.errors import ConfigError, NotApplicable

IMAGES_PER_CALL = 500


class Made(NamedTuple):
    """A score for one run.

    Attributes:
        of: `contracts.Seen` -> (N,).
        sign: 1 where larger is stranger, else -1.
        log_p: 1 where it estimates log p(x), -1 where -log p(x), else 0.
    """

    of: Callable
    sign: int
    log_p: int = 0


def make(node: dict, view, trusted=()) -> Made:
    """The score of a `score` node for a run."""
    part = trust.load(node["_target_"], "score", trusted)
    sign = 1 if optional(part, ImageScore, "larger_is_stranger") else -1
    log_p = -sign if optional(part, ImageScore, "estimates_log_p") else 0
    return Made(part(view, **settings(node)), sign, log_p)


def by_name(names, view, where: str, *, applying: bool = False) -> dict[str, Made]:
    """{option: score} of options of the group score, as their yaml sets them.

    Args:
        where: the setting that names them, for the message.
        applying: leave out those that do not apply to this run.

    Raises:
        ConfigError: there is none of that name.
        NotApplicable: one does not apply to this run, or none does.
    """
    nodes = {name: locate.node("score", name)[0] for name in names}
    for name, node in nodes.items():
        if not node:
            raise ConfigError(f"{where}: there is no score '{name}'. {nearest(name, locate.options('score'))}")
    found, told = {}, None
    for name, node in nodes.items():
        try:
            found[name] = make(node, view)
        except NotApplicable as error:
            if not applying:
                raise
            told = error
    if told and not found:
        raise told
    return found


def stored(split) -> tuple:
    """The images of a `contracts.SplitView` as `View.see` takes them."""
    return (*split.x, *split.given())


def measured(view, scores: dict[str, Made], images) -> dict[str, np.ndarray]:
    """{score: (N,)} of images (as `View.see` takes them), read a few hundred at a time."""
    found = {name: [np.empty(0)] for name in scores}
    for start in range(0, len(images[0]), IMAGES_PER_CALL):
        seen = view.see(tuple(np.asarray(v[start : start + IMAGES_PER_CALL]) for v in images))
        for name, score in scores.items():
            found[name].append(np.asarray(score.of(seen), np.float64))
    return {name: np.concatenate(parts) for name, parts in found.items()}


class Ranks:
    """Where values lie among those of images that a run knows.

    Args:
        values: (N,), of these images.
        sign: of the score.
    """

    def __init__(self, values: np.ndarray, sign: int):
        self._sign, self._sorted = sign, np.sort(sign * np.asarray(values))

    def p_value(self, values) -> np.ndarray:
        """(1 + how many of the known images are at least as strange) / (1 + how many there are)."""
        n = len(self._sorted)
        return (1 + n - np.searchsorted(self._sorted, self._sign * np.asarray(values), "left")) / (1 + n)

    def percentile(self, values) -> np.ndarray:
        """Share of the known images that are less strange, in percent; equal ones count half."""
        sides = [np.searchsorted(self._sorted, self._sign * np.asarray(values), side) for side in ("left", "right")]
        return 50 * (sides[0] + sides[1]) / len(self._sorted)
