"""A run's own images beside others: their scores."""

import zlib
from typing import NamedTuple

import numpy as np

from vaelab.config import locate
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError
from vaelab.scores import foils
from vaelab.scores.measure import Made, by_name, measured, stored

SLOW = ("nll", "likelihood_regret")  # hundreds of passes through the decoder for each image


class Group(NamedTuple):
    """Some images.

    Attributes:
        images: as `View.see` takes them.
        values: {score: (N,)}.
    """

    images: tuple
    values: dict[str, np.ndarray]


class Against(NamedTuple):
    """A run's own images and others.

    Attributes:
        scores: {option: score}.
        own: of the run's split.
        others: {dataset or foil: `Group`}.
    """

    scores: dict[str, Made]
    own: Group
    others: dict[str, Group]

    def strange(self, group: Group, score: str) -> np.ndarray:
        """Values of a score, turned so that larger is stranger."""
        return self.scores[score].sign * group.values[score]


def against(view, *, split: str, on, scores, images: int | None, resize: bool, where: str) -> Against:
    """Scores of a split and of other images.

    Args:
        on: options of the group dataset (their test images), and foils.
        scores: options of the group score; None for all that apply but those that take hundreds of passes.
        images: how many of each at most, drawn at random; None for all.
        resize: whether images of another size are made to fit.
        where: the node that asks, for messages.
    """
    own, others = images_of(view, split=split, on=on, images=images, resize=resize, where=where)
    found = chosen(view, scores, where)
    groups = {name: Group(strange, measured(view, found, strange)) for name, strange in others.items()}
    return Against(found, Group(own, measured(view, found, own)), groups)


def images_of(view, *, split: str, on, images: int | None, resize: bool, where: str) -> tuple[tuple, dict[str, tuple]]:
    """(the images of a split as `View.see` takes them, {dataset or foil: the same}); arguments as those of `against`.

    A foil has the condition of the images it was made of.
    """
    check(view, on=on, where=where)
    own = _some(stored(view.split(split)), images, _rng(view, "own"))
    others = {}
    for name in on:
        if name in foils.FOILS:
            made = foils.made(name, own[: view.n_views], _rng(view, name), real=view.data_kind == "real")
            others[name] = (*made, *own[view.n_views :])
        else:
            others[name] = _some(view.foreign(name, resize=resize), images, _rng(view, name))
    return own, others


def chosen(view, scores: list[str] | None, where: str) -> dict[str, Made]:
    """{option: score} of these options of the group score; where there are none, of all that apply and are not slow."""
    names = [name for name in locate.options("score") if name not in SLOW] if scores is None else scores
    if not names:
        raise ConfigError(f"{where}.scores: expected scores, got []. There are: {', '.join(locate.options('score'))}.")
    return by_name(names, view, f"{where}.scores", applying=scores is None)


def check(view, *, on, where: str, **_) -> None:
    """ConfigError where `on` names what is neither a dataset nor a foil, or nothing."""
    known = [*foils.FOILS, *locate.options("dataset")]
    if not on:
        raise ConfigError(f"{where}.on: expected datasets or foils, got []. There are: {', '.join(known)}.")
    for name in on:
        if name not in known:
            raise ConfigError(f"{where}.on: '{name}' is neither a dataset nor a foil. {nearest(name, known)}")


def _some(views, n: int | None, rng) -> tuple:
    rows = np.arange(len(views[0]))
    if n is not None and n < len(rows):
        rows = np.sort(rng.permutation(len(rows))[:n])
    return tuple(np.asarray(v[rows]) for v in views)


def _rng(view, name: str) -> np.random.Generator:
    return view.rng("metrics", zlib.crc32(f"against {name}".encode()))
