"""Sums and differences of codes, decoded: "mean of sneaker - mean of ankle_boot + bag"."""

import re
from typing import NamedTuple

import numpy as np

from vaelab.config.types import Condition, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, place_grid, same_shape
from vaelab.plots.style import TITLE

SETTING = "plots.arithmetic.expression"
TERM = re.compile(
    r"""\s*(?P<sign>[-+−])?
    \s*(?:(?P<factor>\d+\.?\d*|\.\d+)\s*\*)?
    \s*(?:\#\s*(?P<image>\d+) | mean\(\s*(?P<mean>[^()]+?)\s*\)
    | mean\s+of\s+(?P<of>'[^']+'|"[^"]+"|\w+)
    | (?P<quoted>'[^']+'|"[^"]+") | (?P<name>\w+))\s*""",
    re.VERBOSE,
)


class Term(NamedTuple):
    """One term of an expression.

    Attributes:
        factor: signed number it is multiplied by.
        what: row of the split (a number), or the class as typed (text).
    """

    factor: float
    what: int | str


def arithmetic(view, *, split: Split, expression: str | None, condition: Condition | None):
    """Decoded terms and their decoded sum, each above the image of the split whose code is nearest.

    Args:
        expression: terms joined by + and -, each with an optional factor ("0.5*bag"): #12 is the code (posterior
            mean) of image 12; "mean of bag", mean(bag) and bag alone the mean code of the images of a class; mean(7)
            also takes the label's number. Names in lower case, other signs as _ ("t_shirt_top"), or quoted. null: of
            three classes, or of three images where there are no labels.
        condition: what all are decoded with, in a run that has one.
    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: a term that cannot be read, an unknown class (the nearest is named), an index out of range.
    """
    part = view.split(split)
    terms = usual(view, part) if expression is None else parsed(expression)
    codes = np.array([code(view, part, t) for t in terms])
    factors = np.array([t.factor for t in terms])
    z = np.vstack([codes, factors @ codes]).astype(np.float32)
    rows = [_nearest(part, t, c) for t, c in zip([*terms, None], z)]
    given = pick.given(view, condition, "plots.arithmetic.condition")
    decoded = same_shape(view.decode(z, *pick.repeated(given, len(z))))
    originals = same_shape(part.images(np.array(rows)))
    tiles = np.stack([image for pair in zip(decoded, originals) for image in pair], axis=1)  # (terms + 1, 2 V, H, W, C)
    heads = [_label(view, part, t, k == 0) for k, t in enumerate(terms)] + ["result"]
    labels = [f"{what}{_of(view, v)}" for v in range(view.n_views) for what in ("decoded", "nearest")]
    blocks = [
        Block(
            tile[:, None],
            rows=tuple(labels) if k == 0 else (),
            above={0: [heads[k]], 1: [pick.image_label(view, part, rows[k])]},
            gap_before=tuple(range(2, 2 * view.n_views, 2)),
        )
        for k, tile in enumerate(tiles)
    ]
    typed = _told(terms) if expression is None else " ".join(expression.split())
    page, placed = place_grid(
        blocks, title=f"Arithmetic: {typed}",
        facts=[view.name, f"{part.name} split", "a class is the mean code of its images",
               "nearest: the image whose code is nearest", pick.told(view, given)],
        between=0.55, largest_tile=1.5,
    )  # fmt: skip
    signs = ["−" if t.factor < 0 else "+" for t in terms] + ["="]
    for spot, sign in list(zip(placed, signs))[1:]:
        level = spot.bottoms[0] + spot.height / 2
        page.text(sign, spot.lefts[0] - 0.275, level, size=TITLE + 4, ha="center", weight="bold")
    return page.figure


def needs(view, *, condition, **_):
    """A condition."""
    pick.needs_given(view, condition, "plots.arithmetic.condition", own=False)


arithmetic.needs = needs


def usual(view, part) -> list[Term]:
    """A - B + C of the first classes there are, or of the first images."""
    if part.y is not None and len(view.class_names):
        found = [str(view.class_names[int(k)]) for k in np.unique(part.y)]
    else:
        found = list(range(len(part)))
    return [Term(sign, found[k % len(found)]) for k, sign in enumerate((1.0, -1.0, 1.0))]


def _told(terms) -> str:
    """The terms as they may be typed, with true signs."""
    names = [f"#{t.what}" if isinstance(t.what, int) else f"mean of {t.what}" for t in terms]
    return " ".join(f"{'−' if t.factor < 0 else '+'} {name}" for t, name in zip(terms, names)).removeprefix("+ ")


def parsed(expression: str) -> list[Term]:
    """The terms of an expression, from left to right.

    Raises:
        ConfigError: quotes what cannot be read.
    """
    text, at, terms = str(expression), 0, []
    while at < len(text) or not terms:
        found = TERM.match(text, at)
        if found is None or (terms and found["sign"] is None):
            rest = text[at:].strip() or "nothing"
            raise ConfigError(
                f"{SETTING}: expected {'+ or - and ' if terms else ''}a term, got '{rest}'. Terms are #12, mean of "
                "bag, bag, 'T-shirt/top', mean(7), 0.5*bag."
            )
        factor = (-1.0 if found["sign"] in ("-", "−") else 1.0) * float(found["factor"] or 1)
        if found["image"] is not None:
            terms.append(Term(factor, int(found["image"])))
        else:
            name = found["mean"] or found["of"] or found["quoted"] or found["name"]
            terms.append(Term(factor, name.strip("'\"")))
        at = found.end()
    return terms


def code(view, part, term: Term) -> np.ndarray:
    """(D,) the code a term stands for, without its factor."""
    if isinstance(term.what, int):
        return np.asarray(part.mean[pick.checked_index(part, term.what, SETTING)], np.float64)
    k = pick.class_number(view, term.what, SETTING)
    members = np.flatnonzero(pick.need_labels(view, part, SETTING) == k)
    if not len(members):
        raise ConfigError(f"{SETTING}: the {part.name} split has no image of class '{view.class_names[k]}'.")
    return np.asarray(part.mean[members], np.float64).mean(axis=0)


def _nearest(part, term, z) -> int:
    if term is not None and isinstance(term.what, int):
        return term.what
    return int(np.argmin(np.sum((np.asarray(part.mean) - z) ** 2, axis=1)))


def _label(view, part, term: Term, first: bool) -> str:
    """ "0.5 × mean of Bag"; the sign stands between the images, but for the first."""
    size = "" if abs(term.factor) == 1 else f"{abs(term.factor):g} × "
    sign = "−" if first and term.factor < 0 else ""
    if isinstance(term.what, int):
        return f"{sign}{size}{pick.image_label(view, part, term.what)}"
    return f"{sign}{size}mean of {view.class_names[pick.class_number(view, term.what, SETTING)]}"


def _of(view, v: int) -> str:
    return f"\nview {v + 1}" if view.n_views > 1 else ""
