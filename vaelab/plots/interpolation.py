"""From one image to another: each decoded path between its two originals."""

from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveInt, Split
from vaelab.errors import ConfigError, NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure, number, same_shape

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

    A row per pair (with several views one of each): an original, the path, the other original.

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
        words = [[f"{pick.class_name(view, part, r)}\n#{r}".strip() for r in pair] for pair in ends]
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
    paths = [v.reshape(len(ends), steps, *v.shape[1:]) for v in same_shape(decoded)]
    columns = [same_shape(originals[0]), paths, same_shape(originals[1])]
    heads = ("original" if between == "images" else "nearest",)
    shares = tuple(number(t) for t in np.linspace(0, 1, steps))
    blank = "\n" * max(word.count("\n") for pair in words for word in pair)
    over = [[[pair[0]] for pair in words], [[blank] * steps for _ in words], [[pair[1]] for pair in words]]
    names = tuple(pick.view_name(view, v) for v in range(view.n_views)) * len(ends) if view.n_views > 1 else ()
    blocks = [
        Block(
            _rows(images),
            rows=names if k == 0 else (),
            columns=shares if k == 1 else heads,
            above={r * view.n_views: over[k][r] for r in range(len(ends))},
        )
        for k, images in enumerate(columns)
    ]
    return grid_figure(
        blocks, title="Interpolation between images" if between == "images" else "Interpolation between class means",
        facts=[view.name, f"{part.name} split", how, f"{steps} steps, numbered by their share of the way",
               pick.told(view, () if condition is None else given)],
        between=0.1, largest_tile=1.2, largest_body=12.0,
    )  # fmt: skip


def _rows(views) -> np.ndarray:
    """Views, each (pairs, H, W, C) or (pairs, steps, H, W, C), as rows of tiles (pairs * views, steps, H, W, C)."""
    rows = np.stack(views, axis=1)
    rows = rows[:, :, None] if rows.ndim == 5 else rows
    return rows.reshape(-1, *rows.shape[2:])


def _blended(ends, steps: int) -> tuple[np.ndarray, ...]:
    """Arrays (pairs, ...) of either end -> each (pairs * steps, ...), in straight lines."""
    blends = [between_codes(a, b, steps, "linear") for a, b in zip(*ends)]
    return tuple(b.reshape(-1, *b.shape[2:]).astype(np.float32) for b in blends)


def needs(view, *, condition, **_):
    """The condition that was typed."""
    pick.needs_given(view, condition, SETTING, own=True)


interpolation.needs = needs


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
    words = [[f"{view.class_names[int(k)]}\nmean" for k in pair] for pair in chosen]
    return ends, codes[:, 0], codes[:, 1], words
