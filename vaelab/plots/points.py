"""Scatters of codes: colours by class, factor or tag, legend outside, thousands of points as one bitmap."""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize, to_rgba
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import IdentityTransform

from vaelab.errors import ConfigError
from vaelab.plots.style import (
    INK,
    MARGIN,
    MUTED,
    SEQUENTIAL,
    SMALL,
    TEXT,
    Page,
    colour,
    key,
    layout,
    marker,
    shortened,
    text_width,
)

MANY_CLASSES = 20  # beyond this the legend moves below and class numbers stand in the picture
BEHIND = "#c8cdd4"  # of the run's own images, where others are looked at
MANY_LEVELS = 12  # a factor with more values gets a colour bar


class Colouring(NamedTuple):
    """What the points are coloured by.

    Attributes:
        values: (n,) class number or factor level; None for one colour.
        names: name per class; () for a continuous scale.
        title: of the legend or colour bar.
    """

    values: np.ndarray | None
    names: tuple[str, ...]
    title: str


def colouring(view, part, rows, color: str, setting: str) -> Colouring:
    """Colours for rows of a split.

    Args:
        color: "auto" (classes where there are any), "class", "none", a factor's name, "tag" or "tag_<view>".

    Raises:
        ConfigError: nothing is called so.
    """
    has_classes = part.y is not None and len(view.class_names) > 0
    if color == "none" or (color == "auto" and not has_classes):
        return Colouring(None, (), "")
    if color in ("auto", "class") and has_classes:
        return Colouring(np.asarray(part.y)[rows].astype(int), tuple(map(str, view.class_names)), "class")
    if part.factors is not None and color in view.factor_names:
        values = np.asarray(part.factors)[rows, list(view.factor_names).index(color)]
        levels = np.unique(part.factors[:, list(view.factor_names).index(color)])
        names = tuple(f"{color} {k}" for k in range(int(levels.max()) + 1)) if len(levels) <= MANY_LEVELS else ()
        return Colouring(values.astype(int), names, color)
    if part.tags is not None and (color == "tag" or color.startswith("tag_")):
        v = int(color[4:]) - 1 if color[4:].isdigit() else 0
        if 0 <= v < part.tags.shape[1]:
            where = f" of view {v + 1}" if view.n_views > 1 else ""
            names = tuple(map(str, view.tag_names)) or tuple(map(str, range(int(part.tags.max()) + 1)))
            return Colouring(np.asarray(part.tags)[rows, v].astype(int), names, f"tag{where}")
    known = ["auto", "none"] + ["class"] * has_classes + list(view.factor_names)
    known += [f"tag_{v + 1}" for v in range(part.tags.shape[1])] if part.tags is not None else []
    raise ConfigError(f"{setting}: nothing to colour by is called '{color}'. There are: {', '.join(known)}.")


def scatter_figure(xy, colours: Colouring, *, title, facts, labels, ticks: bool, circles=None, behind=()):
    """A square-scaled scatter with its legend, no higher than its points and its legend need.

    Args:
        xy: (n, 2).
        labels: of the two axes.
        ticks: False where coordinates mean nothing (t-SNE, UMAP).
        circles: `prior_ellipses` of the two latents, or None.
        behind: (m, 2) points in grey behind the others, or none.
    Returns:
        matplotlib Figure.
    """
    all_points = np.concatenate([xy, behind]) if len(behind) else xy
    side, below, present = legend_space(colours)
    left, around = (0.75, 0.65) if ticks else (0.45, 0.45)  # inches of axis labels
    width = layout().width - left - side - MARGIN
    wide, high = np.subtract(*_limits(all_points, circles)[::-1])
    listed = 0.0 if below else 0.2 * len(present) + 0.4
    height = float(np.clip(width * high / wide + around, max(0.4 * layout().width, listed), 0.7 * layout().width))
    page = Page(title, facts, height + below)
    ax = page.axes(left, below + around - 0.05, width, height - around)
    draw_ellipses(ax, circles)
    draw_behind(ax, behind)
    draw_points(ax, xy, colours)
    frame(ax, all_points, labels, ticks, circles)
    draw_labels(ax, xy, colours, present)
    draw_legend(page, colours, present, page.width - side - MARGIN + 0.2, below + height - 0.1, below)
    return page.figure


def _limits(xy, circles) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of both axes, (2,) each, of all points and ellipses with some room."""
    low, high = np.min(xy, axis=0), np.max(xy, axis=0)
    if circles is not None:
        middle, spread = circles
        low, high = np.minimum(low, middle - 2.1 * spread), np.maximum(high, middle + 2.1 * spread)
    pad = 0.04 * max(float(np.max(high - low)), 1e-3)
    return low - pad, high + pad


def frame(ax, xy, labels, ticks, circles=None) -> None:
    """Equal scales, all points and ellipses inside, labels."""
    low, high = _limits(xy, circles)
    box, page = ax.get_position(), ax.figure.get_size_inches()
    inches = np.array([box.width * page[0], box.height * page[1]])
    unit = np.max((high - low) / inches)  # per inch, on both axes
    middle = (low + high) / 2
    ax.set_xlim(middle[0] - unit * inches[0] / 2, middle[0] + unit * inches[0] / 2)
    ax.set_ylim(middle[1] - unit * inches[1] / 2, middle[1] + unit * inches[1] / 2)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    if not ticks:
        ax.set_xticks([])
        ax.set_yticks([])


def draw_behind(ax, points) -> None:
    """Points (m, k) in grey, in two or three dimensions, before the others are drawn."""
    if len(points):
        size = float(np.clip(480 / np.sqrt(len(points)), 2.0, 36.0))
        ax.scatter(*np.asarray(points).T, s=size, c=BEHIND, linewidths=0, rasterized=len(points) > 500)


def draw_points(ax, xy, colours: Colouring, size: float | None = None) -> None:
    """The points in random order, so that no class hides the others, each class with its own marker."""
    n = len(xy)
    size = float(np.clip(480 / np.sqrt(max(n, 1)), 2.0, 36.0)) if size is None else size
    order = np.random.default_rng(0).permutation(n)
    style = {"linewidths": 0, "alpha": 0.85 if n < 3000 else 0.65, "rasterized": n > 500}
    if colours.values is None:
        ax.scatter(*xy[order].T, s=size, c=colour(0), **{**style, "alpha": 0.5})
        return
    if not colours.names:
        rgba = colormaps[SEQUENTIAL](_scale(colours.values)(colours.values))
        ax.scatter(*xy[order].T, s=size, c=rgba[order], **style)
        return
    classes = range(int(colours.values.max()) + 1)
    shapes = [MarkerStyle(marker(k)) for k in classes]
    paths = [shape.get_path().transformed(shape.get_transform()) for shape in shapes]
    rgba, values = np.array([to_rgba(colour(k)) for k in classes]), colours.values[order]
    points = PathCollection(
        [paths[k] for k in values], sizes=[1.4 * size], facecolors=rgba[values], edgecolors="none", offsets=xy[order],
        offset_transform=ax.transData, **style,
    )  # fmt: skip
    points.set_transform(IdentityTransform())  # markers are sized in points
    ax.add_collection(points)


def draw_labels(ax, xy, colours: Colouring, present) -> None:
    """The name of each class at its median, beside it where another stands there; of many classes their numbers.

    Largest classes first; one that finds no room has its name in the legend alone.

    Args:
        ax: axes whose limits are set (`frame`).
    """
    if colours.values is None or len(present) < 2:
        return
    many, size = len(present) > MANY_CLASSES, 8.0 if len(present) > MANY_CLASSES else TEXT
    box, page = ax.get_position(), ax.figure.get_size_inches()
    low, high = (np.array(limits) for limits in zip(ax.get_xlim(), ax.get_ylim()))
    inches = np.array([box.width * page[0], box.height * page[1]])
    unit, placed = (high - low) / inches, []
    for k in sorted(present, key=lambda k: -np.sum(colours.values == k)):
        name = str(k) if many else shortened(colours.names[k], size, 1.3)
        half = np.array([text_width(name, size, "bold") / 2, 0.6 * size / 72])
        middle = (np.median(xy[colours.values == k], axis=0) - low) / unit
        for step in ((0, 0), (0, 2.1), (0, -2.1), (0, 4.2), (0, -4.2)):
            at = np.clip(middle + np.array(step) * half, half, inches - half)
            if all(np.any(np.abs(at - other) > half + room) for other, room in placed):
                placed.append((at, half))
                ax.text(*(low + at * unit), name, fontsize=size, weight="bold", ha="center", va="center", color=INK,
                        parse_math=False, zorder=4, **_halo())  # fmt: skip
                break


def _halo() -> dict:
    from matplotlib.patheffects import withStroke

    return {"path_effects": [withStroke(linewidth=2.2, foreground="white")]}


def _scale(values: np.ndarray) -> Normalize:
    return Normalize(float(values.min()), float(max(values.max(), values.min() + 1)))


def prior_ellipses(view, dims) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the prior in two latents, (2,) each."""
    return np.asarray(view.prior.mean)[list(dims)], np.asarray(view.prior.std)[list(dims)]


def draw_ellipses(ax, ellipses) -> None:
    """The prior's 1 and 2 standard deviations around its mean; circles where it is N(0, I), nothing for None."""
    if ellipses is None:
        return
    (x, y), (wide, high) = ellipses
    angle = np.linspace(0, 2 * np.pi, 200)
    line = {"color": MUTED, "linewidth": 0.8, "zorder": 2.5}
    for radius in (1, 2):
        ax.plot(x + radius * wide * np.cos(angle), y + radius * high * np.sin(angle), **line, **_halo())
        ax.annotate(
            f"{radius}σ", (x, y + radius * high), color=MUTED, fontsize=8, ha="center", va="bottom", zorder=3,
            **_halo(),
        )  # fmt: skip


def legend_space(colours: Colouring, page_width: float | None = None) -> tuple[float, float, np.ndarray]:
    """Inches the legend takes on the right and below, and the class numbers it lists."""
    if colours.values is None:
        return 0.0, 0.0, np.array([], int)
    if not colours.names:
        return 1.0, 0.0, np.array([], int)
    present = np.unique(colours.values)
    if len(present) <= MANY_CLASSES:
        widest = max([text_width(shortened(colours.names[k], SMALL, 2.0), SMALL) for k in present], default=0)
        return max(widest, text_width(colours.title, SMALL)) + 0.55, 0.0, present
    columns = legend_columns(colours, present, page_width or layout().width)
    return 0.0, 0.188 * -(-len(present) // columns) + 0.45, present


def legend_columns(colours: Colouring, present, page_width: float) -> int:
    """Columns of a legend that lies below the picture."""
    widest = max(text_width(f"{k} {shortened(colours.names[k], SMALL, 2.0)}", SMALL) for k in present) + 0.5
    return max(1, int((page_width - 2 * MARGIN) / widest))


def draw_legend(page, colours: Colouring, present, left, top, below) -> None:
    """Class names outside the data, or a colour bar."""
    if colours.values is None:
        return
    if not colours.names:
        ax = page.axes(left, top - 3.2, 0.18, 3.0)
        scale = _scale(colours.values)
        ax.imshow(
            np.linspace(1, 0, 256)[:, None], cmap=SEQUENTIAL, aspect="auto", extent=(0, 1, scale.vmin, scale.vmax)
        )
        ax.yaxis.tick_right()
        ax.set_xticks([])
        ax.set_title(colours.title, fontsize=SMALL, color=INK, loc="left")
        return
    if not below:
        page.text(colours.title, left + 0.05, top, size=SMALL, color=MUTED)
        handles = [key(shortened(colours.names[k], SMALL, 2.0), k) for k in present]
        page.legend(handles, left, top - 0.15)
        return
    handles = [key(f"{k} {shortened(colours.names[k], SMALL, 2.0)}", k, size=6) for k in present]
    page.text(f"{colours.title}: colour and marker, number, name", MARGIN, below - 0.16, color=MUTED,
              size=SMALL)  # fmt: skip
    page.legend(handles, MARGIN, below - 0.3, columns=legend_columns(colours, present, page.width))


__all__ = [
    "Colouring",
    "colouring",
    "draw_labels",
    "draw_legend",
    "draw_points",
    "frame",
    "legend_space",
    "scatter_figure",
]
