"""What a latent means: its rate, its traversal, where in the image it acts, what it goes along with."""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from vaelab.config.types import Condition, PositiveFloat, PositiveInt, Split
from vaelab.plots import choose as pick
from vaelab.plots.grid import as_picture, enlarged, number, picture_size, tiled, to_rgb
from vaelab.plots.manifold import held_at
from vaelab.plots.style import (
    INK,
    MARGIN,
    MUTED,
    SEQUENTIAL,
    SMALL,
    TEXT,
    Page,
    colour,
    layout,
    shortened,
)
from vaelab.plots.traversal import about_the_prior, codes
from vaelab.system.palette import FAINT

ACTIVE = 0.01  # variance of the posterior mean over images above which a latent is active
NAME, STRIP = 0.2, 1.25  # left edges in inches
MAPPED, BARRED = 1.0, 2.65  # inches of the two columns on the right
BEST = 4


class Columns(NamedTuple):
    """Inches: the left edges of map and bars, the side of a tile; and how many steps a traversal has."""

    map: float
    bars: float
    tile: float
    steps: int


def _columns(width: float) -> Columns:
    """Those of a page."""
    steps, bars = 7 if width > 9 else 5, width - BARRED
    tile = (bars - MAPPED - 0.34 - STRIP) / steps
    return Columns(bars - MAPPED, bars, tile, steps)


def latent_card(
    view,
    *,
    split: Split,
    latents: list[int] | None,
    most: PositiveInt,
    width: PositiveFloat,
    images: PositiveInt,
    step: PositiveFloat,
    condition: Condition | None,
):
    """One line per latent, the highest rate first.

    Rate: mean of KL(q(z_d|x) || p(z_d)) in nats. Traversal: decoder means from -width to width, the others at the
    prior's mean.
    Map: mean over codes of |d decode / d z_d| by central differences, channels averaged, one scale for all latents.
    Bars: with generative factors the share of the latent's variance each explains (correlation ratio); with labels
    the correlation with "is of this class".

    Args:
        latents: which ones (null: all, by rate).
        most: latents shown where none are chosen.
        width: of the traversal, in prior standard deviations.
        images: codes the map is averaged over.
        step: of the central differences.
        condition: what the traversal is decoded with, in a run that has one; the map has each image's own.
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    value, unit = pick.importance(view, part)
    order = [int(d) for d in np.argsort(-value, kind="stable")][:most]
    if latents is not None:
        order = pick.checked_latents(view, latents, "plots.latent_card.latents")
    place = _columns(layout().width)
    base, steps = np.array(view.prior.mean), about_the_prior(view, order, width, place.steps)
    given = pick.given(view, condition, "plots.latent_card.condition")
    z = codes(base, order, steps).reshape(-1, view.latent_dim)
    decoded = view.decode(z, *pick.repeated(given, len(z)))
    strips = [v.reshape(len(order), place.steps, *v.shape[1:]) for v in decoded]
    rows = pick.random_rows(view, part, images, "latent_card")
    maps = [jacobian(view, part.mean[rows], d, step, *part.given(rows)) for d in order]  # per latent, per view (H, W)
    bars, meaning = _associations(view, part, order)

    tile = place.tile
    line = max(tile * view.n_views + 0.04 * (view.n_views - 1), 0.86) + 0.16
    top = 0.76
    page = Page(
        "What each latent does",
        [
            view.name,
            pick.split_facts(view, part),
            f"traversal from −{width:g} to {width:g}, the others {held_at(view, None)}",
            pick.told(view, given),
            f"map: |change of the image| per unit of the latent, mean over {len(rows)} images",
            "" if len(order) == view.latent_dim else f"{len(order)} of {view.latent_dim} latents",
        ],
        top + line * len(order) + 0.15,
    )
    high, wide = picture_size(*strips[0].shape[2:])
    _head(page, width, place, tile * min(1.0, wide / high), meaning)
    largest = max(float(m.max()) for per_view in maps for m in per_view)
    spread = np.asarray(part.mean, np.float64).std(axis=0)
    for k, d in enumerate(order):
        upper = page.height - top - line * k
        page.figure.add_artist(_rule(page, upper + 0.08))
        _facts(page, view, d, value[d], unit, spread[d], upper - line / 2 + 0.08)
        for v in range(view.n_views):
            bottom = upper - tile * (v + 1) - 0.04 * v
            _strip(page, strips[v][k], bottom, tile)
            _image(page, _coloured(maps[k][v], largest), place.map, bottom, tile, tile)
        _bars(page, place.bars, bars[k], upper, meaning)
    _scales(page, largest, place, meaning, bars=all(m.shape[0] == 1 for m in maps[0]))
    return page.figure


def jacobian(view, z: np.ndarray, d: int, step: float, *given) -> list[np.ndarray]:
    """Per view (H, W): mean of |decode(z + step e_d) - decode(z - step e_d)| / (2 step), over codes z (N, D)."""
    shift = np.zeros(view.latent_dim, np.float32)
    shift[d] = step
    return [
        (np.abs(after - before) / (2 * step)).mean(axis=(0, 3))
        for after, before in zip(view.decode(z + shift, *given), view.decode(z - shift, *given))
    ]


def _associations(view, part, order) -> tuple[list[list[tuple[str, float]]], str]:
    """Per latent the strongest (name, value in [-1, 1]), and what the value is."""
    z = np.asarray(part.mean, np.float64)[:, order]
    if part.factors is not None and len(view.factor_names):
        shares = [explained(z, part.factors[:, f]) for f in range(part.factors.shape[1])]
        found = [[(str(n), float(s[k])) for n, s in zip(view.factor_names, shares)] for k in range(len(order))]
        meaning = "share of variance a factor explains"
    elif part.y is not None and len(view.class_names):
        present = np.unique(part.y)
        member = (np.asarray(part.y)[:, None] == present).astype(np.float64)
        r = _correlation(z, member)  # (latents, classes)
        found = [[(str(view.class_names[c]), float(v)) for c, v in zip(present, row)] for row in r]
        meaning = "correlation with a class"
    else:
        return [[] for _ in order], ""
    return [sorted(row, key=lambda pair: -abs(pair[1]))[:BEST] for row in found], meaning


def explained(z: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(K,) correlation ratio of each column of z (N, K): variance of the groups' means over the whole variance."""
    whole = z.var(axis=0)
    inside = np.zeros_like(whole)
    for g in np.unique(groups):
        chosen = z[groups == g]
        inside += len(chosen) / len(z) * chosen.var(axis=0)
    return np.where(whole > 1e-12, 1 - inside / np.maximum(whole, 1e-12), 0.0)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(K, L) Pearson correlation of the columns of a (N, K) and b (N, L); 0 where one is constant."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scale = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0)
    return np.where(scale > 1e-9, a.T @ b / np.maximum(scale, 1e-9), 0.0)


def _head(page, width, place, tile, meaning) -> None:
    level = page.height - 0.3
    page.text("latent", NAME, level, size=SMALL, color=MUTED)
    for k, value in enumerate(np.linspace(-width, width, place.steps)):
        page.text(number(value, 1), STRIP + tile * (k + 0.5), level, size=SMALL, color=MUTED, ha="center")
    page.text("acts on", place.map + place.tile / 2, level, size=SMALL, color=MUTED, ha="center")
    page.text(meaning, place.bars, level, size=SMALL, color=MUTED)


def _rule(page, level) -> Line2D:
    return _line(page, [MARGIN, page.width - MARGIN], [level, level], FAINT)


def _line(page, x, y, color) -> Line2D:
    """A thin line between points in inches."""
    return Line2D(x, y, color=color, linewidth=0.8, transform=page.figure.dpi_scale_trans)


def _facts(page, view, d, value, unit, spread, middle) -> None:
    name, _, part = pick.latent_name(view, d).partition(" ")
    page.text(name, NAME, middle + 0.2, size=TEXT + 1, weight="bold")
    page.text(part, NAME + 0.3, middle + 0.2, size=SMALL)
    active = "" if spread**2 > ACTIVE else ", off"
    lines = [f"{value:.2f} nats"] * (unit == "nats") + [f"std {spread:.2f}{active}"]
    for k, line in enumerate(lines):
        page.text(line, NAME, middle - 0.18 * k, size=SMALL, color=MUTED if k else INK)


def _strip(page, images, bottom, tile) -> None:
    """The images (steps, H, W, C) of a traversal, with gutters."""
    shown = np.stack([as_picture(image) for image in images])[None]
    n, (height, width) = len(images), shown.shape[2:4]
    gutter = max(1, round(0.03 * width))
    each = tile * min(1.0, width / height)
    _image(page, tiled(shown, gutter), STRIP, bottom, each * n, tile)


def _image(page, image, left, bottom, width, height) -> None:
    """An image at exact whole multiples where there is room, drawn into the given box."""
    room = min(height, width * image.shape[0] / image.shape[1]) * page.dpi
    pixels = max(1, round(room / image.shape[0])) * image.shape[0]
    wide = round(pixels * image.shape[1] / image.shape[0])
    shown = enlarged(to_rgb(image), pixels, wide)
    ratio = min(width / wide, height / pixels)
    ax = page.axes(left, bottom + (height - pixels * ratio) / 2, wide * ratio, pixels * ratio)
    ax.imshow(shown, interpolation="antialiased", aspect="auto")
    ax.set_axis_off()


def _coloured(values: np.ndarray, largest: float) -> np.ndarray:
    """(H, W) -> (H, W, 3) in [0, 1] on a scale from 0 to `largest`; of a vector bars on that scale."""
    shares = values / max(largest, 1e-12)
    return as_picture(shares[..., None]) if len(values) == 1 else colormaps[SEQUENTIAL](shares)[..., :3]


def _bar_scale(left: float, meaning: str) -> tuple[float, float, tuple[float, ...]]:
    """Inches: the right edge of names and where 0 lies; the ends of the scale. A unit is `_unit` inches."""
    signed = meaning.startswith("correlation")
    return left + 1.05, left + (1.65 if signed else 1.12), (-1, 0, 1) if signed else (0, 1)


def _unit(ends) -> float:
    """Inches of 1 on the scale of bars."""
    return 0.5 if ends[0] < 0 else 1.0


def _bars(page, left, pairs, upper, meaning) -> None:
    label_right, zero, ends = _bar_scale(left, meaning)
    unit = _unit(ends)
    for k, (name, value) in enumerate(pairs):
        level = upper - 0.12 - 0.2 * k
        page.text(shortened(name, SMALL - 0.5, 1.0), label_right, level, size=SMALL - 0.5, ha="right")
        start, width = zero + min(value, 0) * unit, max(abs(value) * unit, 0.01)
        page.figure.add_artist(
            Rectangle(
                (start, level - 0.055), width, 0.11, color=colour(0 if value >= 0 else 3), linewidth=0,
                transform=page.figure.dpi_scale_trans,
            )
        )  # fmt: skip
        edge = zero + max(value, 0) * unit + 0.05
        page.text(number(value), edge, level, size=SMALL - 1, color=INK)
    if pairs:
        bottom = upper - 0.12 - 0.2 * (len(pairs) - 1)
        page.figure.add_artist(_line(page, [zero, zero], [bottom - 0.08, upper - 0.04], MUTED))


def _scales(page, largest, place, meaning, bars) -> None:
    """What colours or bars of the map and lengths of the associations stand for."""
    level, small = page.height - 0.5, {"size": SMALL - 1.5, "color": MUTED}
    if bars:
        page.text(f"0 to {largest:.2g}", place.map + place.tile / 2, level - 0.05, ha="center", **small)
    else:
        ax = page.axes(place.map, level - 0.035, place.tile, 0.07)
        ax.imshow(np.linspace(0, 1, 64)[None], cmap=SEQUENTIAL, aspect="auto")
        ax.set_axis_off()
        page.text("0", place.map, level - 0.11, **small)
        page.text(f"{largest:.2g}", place.map + place.tile, level - 0.11, ha="right", **small)
    if not meaning:
        return
    _, zero, ends = _bar_scale(place.bars, meaning)
    at = [zero + end * _unit(ends) for end in ends]
    page.figure.add_artist(_line(page, [at[0], at[-1]], [level, level], MUTED))
    for x, end in zip(at, ends):
        page.figure.add_artist(_line(page, [x, x], [level - 0.03, level + 0.03], MUTED))
        page.text(number(end, 0), x, level - 0.11, ha="center", **small)


def needs(view, *, latents, condition, **_):
    """The latents that were chosen, and a condition."""
    pick.needs_given(view, condition, "plots.latent_card.condition", own=False)
    if latents is not None:
        pick.checked_latents(view, latents, "plots.latent_card.latents")


latent_card.needs = needs
