"""From one image to another: each decoded path above its two originals."""

from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveInt, Split
from vaelab.errors import ConfigError, NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, place_grid
from vaelab.plots.style import MUTED, SMALL, wrapped

SETTING = "plots.interpolation.condition"


def interpolation(
    view,
    *,
    split: Split,
    between: Literal["images", "class_means"],
    space: Literal["latent", "pixel"],
    path: Literal["linear", "spherical"],
    n: PositiveInt,
    steps: PositiveInt,
    pairs: list[list[int | str]] | None,
    condition: Condition | None,
):
    """Pairs of images with the decoded path between them; its two ends are the two direct reconstructions.

    Args:
        between: two images, or the mean codes of two classes (the images shown are the nearest to the means).
        space: latent walks from posterior mean to posterior mean and decodes; pixel blends the two images, then
            encodes and decodes each blend.
        path: linear, or spherical (along the great circle about the prior's mean, lengths interpolated), for
            space=latent.
        n: pairs drawn at random, of different classes where there are labels.
        steps: images on the path, ends included.
        pairs: chosen instead: [[12, 57], [3, 900]] images, or [[bag, sneaker]] classes.
        condition: decode all with this one, in a run that has one; null: it goes in a straight line from that of the
            first end to that of the last.
    Returns:
        matplotlib Figure.
    References:
        Spherical: White (2016), "Sampling generative networks".
    """
    if steps < 2:
        raise ConfigError(f"plots.interpolation.steps: expected at least 2, got {steps}.")
    if between == "class_means" and space == "pixel":
        raise ConfigError("plots.interpolation: class means are codes; use space=latent, or between=images.")
    part = view.split(split)
    if between == "images":
        ends = _image_pairs(view, part, n, pairs)
        starts, stops = (np.asarray(part.mean[ends[:, k]], np.float64) for k in (0, 1))
        words = [[pick.image_label(view, part, r) for r in pair] for pair in ends]
    else:
        ends, starts, stops, words = _class_pairs(view, part, n, pairs)
    originals = [part.images(ends[:, k]) for k in (0, 1)]
    own = _blended([part.given(ends[:, k]) for k in (0, 1)], steps)
    given = pick.given(view, condition, SETTING, own)
    if space == "latent":
        middle = view.prior.mean  # great circles are about it
        codes = middle + between_codes(starts - middle, stops - middle, steps, path)
        decoded = view.decode(codes.reshape(-1, view.latent_dim), *given)
        how = f"{path} between codes" if between == "images" else f"{path} between mean codes of classes"
    else:
        decoded = view.decode(view.encode((*_blended(originals, steps), *own))[0], *given)
        how = "pixels blended, then encoded and decoded"
    blocks = []
    for v, images in enumerate(decoded):
        images = images.reshape(len(ends), steps, *images.shape[1:])
        tiles = np.full((len(ends), 2, *images.shape[1:]), np.nan, np.float32)
        tiles[:, 0] = images
        tiles[:, 1, 0], tiles[:, 1, -1] = originals[0][v], originals[1][v]
        tiles = tiles.reshape(-1, *images.shape[1:])
        labels = ("decoded", "originals" if between == "images" else "nearest") * len(ends) if v == 0 else ()
        blocks.append(
            Block(tiles, heading=pick.view_name(view, v), rows=labels, gap_before=tuple(range(2, 2 * len(ends), 2)))
        )
    page, placed = place_grid(
        blocks, title="Interpolation between images" if between == "images" else "Interpolation between class means",
        facts=[view.name, f"{part.name} split", how, f"{steps} steps",
               pick.told(view, () if condition is None else given)],
        largest_tile=1.0, largest_body=12.0,
    )  # fmt: skip
    _write_pairs(placed, words)
    return page.figure


def _blended(ends, steps: int) -> tuple[np.ndarray, ...]:
    """Arrays (pairs, ...) of either end -> each (pairs * steps, ...), in straight lines."""
    blends = [between_codes(a, b, steps, "linear") for a, b in zip(*ends)]
    return tuple(b.reshape(-1, *b.shape[2:]).astype(np.float32) for b in blends)


def needs(view, *, condition, **_):
    """The condition that was typed."""
    pick.needs_given(view, condition, SETTING, own=True)


interpolation.needs = needs


def _write_pairs(placed, words) -> None:
    """ "#12 Bag  →  #57 Coat" between the two originals."""
    for spot in placed:
        room = spot.lefts[-1] - spot.lefts[0] - spot.width - 0.2
        middle = (spot.lefts[0] + spot.lefts[-1] + spot.width) / 2
        for k, (first, last) in enumerate(words):
            lines = wrapped(f"{first}  →  {last}", SMALL, room) if room > 0.5 else []
            level = spot.bottoms[2 * k + 1] + spot.height / 2
            spot.page.text("\n".join(lines), middle, level, size=SMALL, color=MUTED, ha="center")


def between_codes(start, stop, steps: int, path: str) -> np.ndarray:
    """(N, ...) and (N, ...) -> (N, steps, ...), ends included exactly.

    Spherical: sin((1 - t) w) / sin w * start + sin(t w) / sin w * stop, w the angle between the two (linear where it
    vanishes).
    """
    start, stop = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    t = np.linspace(0, 1, steps).reshape(-1, *[1] * (start.ndim - 1))
    a, b = start[:, None], stop[:, None]
    line = (1 - t) * a + t * b
    if path == "linear":
        return line
    norms = np.linalg.norm(a, axis=-1, keepdims=True) * np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = np.sum(a * b, axis=-1, keepdims=True) / np.maximum(norms, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    safe = (sine > 1e-4) & (norms > 1e-12)
    sine = np.where(safe, sine, 1.0)
    return np.where(safe, np.sin((1 - t) * angle) / sine * a + np.sin(t * angle) / sine * b, line)


def _image_pairs(view, part, n, pairs) -> np.ndarray:
    if pairs is not None:
        for pair in pairs:
            if len(pair) != 2:
                raise ConfigError(f"plots.interpolation.pairs: expected pairs [[12,57],[3,900]], got {pair}.")
        return np.array([[pick.checked_index(part, i, "plots.interpolation.pairs") for i in pair] for pair in pairs])
    if len(part) < 2:
        raise NotApplicable(f"interpolation needs two images; the {part.name} split has {len(part)}.")
    generator = pick.rng(view, "interpolation")
    found = []
    for _ in range(n):
        first = int(generator.integers(len(part)))
        others = np.arange(len(part)) != first
        if part.y is not None and len(np.unique(part.y)) > 1:
            others = np.asarray(part.y) != part.y[first]
        found.append((first, int(generator.choice(np.flatnonzero(others)))))
    return np.array(found)


def _class_pairs(view, part, n, pairs):
    y = pick.need_labels(view, part, "plots.interpolation.between=class_means")
    present = np.unique(y)
    if pairs is None:
        if len(present) < 2:
            raise NotApplicable("plots.interpolation.between=class_means needs two classes.")
        generator = pick.rng(view, "interpolation_classes")
        chosen = [generator.choice(present, 2, replace=False) for _ in range(n)]
    else:
        chosen = [[pick.class_number(view, name, "plots.interpolation.pairs") for name in pair] for pair in pairs]
    means = np.asarray(part.mean, np.float64)
    ends, codes = [], []
    for pair in chosen:
        if len(pair) != 2:
            raise ConfigError("plots.interpolation.pairs: expected pairs of classes, like [[bag,sneaker]].")
        for k in pair:
            members = np.flatnonzero(y == k)
            if not len(members):
                raise ConfigError(
                    f"plots.interpolation.pairs: the {part.name} split has no image of class '{view.class_names[k]}'."
                )
            middle = means[members].mean(axis=0)
            codes.append(middle)
            ends.append(members[np.argmin(np.sum((means[members] - middle) ** 2, axis=1))])
    ends, codes = np.array(ends).reshape(-1, 2), np.array(codes).reshape(-1, 2, view.latent_dim)
    words = [[f"mean of {view.class_names[int(k)]}" for k in pair] for pair in chosen]
    return ends, codes[:, 0], codes[:, 1], words
