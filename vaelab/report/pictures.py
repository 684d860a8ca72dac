"""The pictures of a report: rate and distortion, metrics against what was varied, tiles of every setting."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from vaelab.report.grid import Grid, shown
from vaelab.report.statistics import interval, pareto
from vaelab.system.palette import FAINT, INK, MUTED, PALETTE

# Where the label of a point may stand, in points; the first that is free is taken.
OFFSETS = (
    ((7, 6), "left"), ((-7, -6), "right"), ((7, -6), "left"), ((-7, 6), "right"), ((0, 10), "center"),
    ((0, -10), "center"), ((14, 14), "left"), ((-14, -14), "right"),
)  # fmt: skip
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "<", ">")
DPI = 150


def rate_distortion(grid: Grid, kind: str = "") -> Figure | None:
    """Distortion against rate; diagonals of equal elbo; the Pareto front of the settings' means.

    Args:
        kind: "" or "_critic", whose estimate the rate is.
    """
    terms = f"test/rate{kind}", "test/distortion"
    pairs = {s: [[p.value(term) for term in terms] for p in points] for s, points in grid.settings().items()}
    settings = {s: np.array(found, float) for s, found in pairs.items() if not any(None in pair for pair in found)}
    if not settings:
        return None
    figure, ax = _figure(8.0, 5.2)
    lines, labels = list(grid.lines()), []
    means = {s: found.mean(0) for s, found in settings.items()}
    for k, line in enumerate(lines):
        style = _style(k)
        mine = [s for s in settings if s[1:] == line]
        single = np.concatenate([settings[s] for s in mine])
        ax.scatter(*single.T, s=14, alpha=0.45, linewidths=0, **style)
        path = np.array([means[s] for s in mine])
        label = grid.described(line, grid.axes[1:]) if line else None
        ax.plot(*path.T, lw=1.2, ms=7, mec="white", mew=0.8, label=label, **style)
        if grid.x:
            for s, (rate, distortion) in zip(mine, path):
                text = f"{grid.x.rpartition('.')[2]} {shown(s[0])}" if len(mine) <= 3 else shown(s[0])
                label = ax.annotate(
                    text,
                    (rate, distortion),
                    (7, 6),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                    color=style["color"],
                )
                labels.append((label, OFFSETS[k % 4 :] + OFFSETS[: k % 4]))  # lines often lie on one another
    front = [list(means.values())[k] for k in pareto([tuple(m) for m in means.values()])]
    if len(front) > 1:
        ax.plot(*np.array(front).T, color=INK, lw=1.0, ls=(0, (1, 2)), label="Pareto front", zorder=1)
    totals = _iso_elbo(ax, np.concatenate(list(settings.values())))
    ax.set_xlabel(f"rate{kind.replace('_', ' ')}  KL(q(z|x) || p(z))  [nats per image]")
    ax.set_ylabel("distortion  −E log p(x|z)  [nats per image]")
    bare = any(sum(s[1:] == line for s in settings) > 3 for line in lines)
    _legend(ax, f"numbers: {grid.x.rpartition('.')[2]}" if grid.x and bare else None)
    _spread(figure, ax, labels, list(means.values()), totals)
    return figure


def _spread(figure, ax, labels, points, others):
    """Moves labels to where they cover neither a point nor one another; those that find no place are left out.

    Args:
        labels: [(annotation, its offsets in order)].
        points: places of the means, in data coordinates.
        others: annotations that stay where they are, or go.
    """
    figure.draw_without_rendering()  # only now is it known where the axes lie
    size = 5 * figure.dpi / 72  # pixels from a marker's middle to its edge
    middles = [ax.transData.transform(point) for point in points]
    taken = [Bbox.from_extents(x - size, y - size, x + size, y + size) for x, y in middles]
    for label, offsets in labels:
        for place, side in offsets:
            label.set_position(place)
            label.set_ha(side)
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            label.remove()
    for label in others:
        if any(label.get_window_extent().overlaps(other) for other in taken):
            label.remove()


def _iso_elbo(ax, points):
    """Diagonals distortion + rate = -elbo across the picture, labelled at its edge; returns the labels."""
    labels = []
    low, high = points.min(0), points.max(0)
    span = np.maximum(high - low, 1e-3 * np.maximum(np.abs(high), 1))
    x0, x1 = low[0] - 0.12 * span[0], high[0] + 0.14 * span[0]
    y0, y1 = low[1] - 0.12 * span[1], high[1] + 0.14 * span[1]
    ax.set_xlim(x0, x1)
    ax.set_ylim(y0, y1)
    for total in MaxNLocator(8).tick_values(x0 + y0, x1 + y1):
        left, right = max(x0, total - y1), min(x1, total - y0)
        if right - left < 0.02 * (x1 - x0):
            continue
        ax.plot([left, right], [total - left, total - right], color=FAINT, lw=0.8, zorder=0)
        label = ax.annotate(
            f"elbo {-total:,g}", (left, total - left), (2, -1), textcoords="offset points", fontsize=7, color=MUTED,
            va="top", ha="left", zorder=0, bbox={"fc": "white", "ec": "none", "pad": 0.3},
        )  # fmt: skip
        labels.append(label)
    return labels


def panels(grid: Grid) -> dict[str, Figure]:
    """{metric: figure} of elbo, nll, active units and kNN accuracy against the first axis, a line per rest."""
    return {name: panel(grid, name, grid.x) for name in grid.headline_metrics()} if grid.x else {}


def panel(grid: Grid, metric: str, axis: str) -> Figure:
    """Mean and 95 % interval over seeds of one metric; single seeds as small points."""
    figure, ax = _figure(5.6, 3.7)
    xs = list(dict.fromkeys(s[0] for s in grid.settings()))
    numeric = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in xs)
    logarithmic = numeric and min(xs) > 0 and max(xs) / min(xs) >= 4
    place = {x: float(x) if numeric else float(k) for k, x in enumerate(xs)}
    spread = max(place.values()) - min(place.values()) or 1.0
    lines = grid.lines()
    for k, (line, by_x) in enumerate(lines.items()):
        style = _style(k)
        shift = (k - (len(lines) - 1) / 2) * 0.018
        at, middle, half = [], [], []
        for x, points in by_x.items():
            values = [v for p in points if (v := p.value(metric)) is not None]
            if not values:
                continue
            where = place[x] * (1 + shift) if logarithmic else place[x] + shift * spread
            found = interval(values)
            at.append(where)
            middle.append(found.mean)
            half.append(found.half or 0.0)
            if len(values) > 1:
                ax.scatter([where] * len(values), values, s=9, alpha=0.5, linewidths=0, color=style["color"])
        label = grid.described(line, grid.axes[1:]) if line else None
        ax.errorbar(at, middle, yerr=half, lw=1.3, ms=5.5, capsize=3, label=label, **style)
    if logarithmic:
        ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(place.values())))
    ax.xaxis.set_minor_locator(NullLocator())
    texts = {v: shown(x) for x, v in place.items()}
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: texts.get(v, f"{v:g}")))
    if max(map(len, texts.values())) * len(texts) > 60:
        ax.tick_params(axis="x", labelrotation=30)
    ax.set_xlabel(axis)
    ax.set_ylabel(f"{metric.removeprefix('test/').replace('_', ' ')}{_unit(metric)}")
    if metric.endswith("active_units"):
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    names = ax.get_legend_handles_labels()[1]
    if names:
        columns = max(1, 62 // max(map(len, names)) // 2)
        figure.legend(loc="outside upper left", ncols=min(columns, 4), frameon=False, fontsize=9)
    return figure


def _unit(metric: str) -> str:
    name = metric.removeprefix("test/")
    return "  [nats per image]" if name.startswith(("elbo", "nll", "rate", "distortion")) else ""


def tiles(images: np.ndarray, columns: int, scale_to: int = 28) -> np.ndarray:
    """(n, H, W, C) uint8 -> one picture (rows * H', columns * W', 3) with a pixel between; small images enlarged."""
    n, height, width, channels = images.shape
    enlarge, rows = max(1, scale_to // max(height, width)), math.ceil(n / columns)
    images = images.repeat(enlarge, 1).repeat(enlarge, 2)
    images = images if channels == 3 else images[..., :1].repeat(3, -1)
    padded = np.pad(images, ((0, rows * columns - n), (0, 1), (0, 1), (0, 0)), constant_values=255)
    _, height, width, _ = padded.shape
    page = padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    return page[:-1, :-1]


def scatter(mean: np.ndarray, y: np.ndarray | None, most: int = 2000) -> Figure:
    """Codes of the test images: the two latents, or the two directions of largest variance of more."""
    figure = Figure(figsize=(2.6, 2.6), dpi=DPI)
    ax = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    codes = np.asarray(mean, float)
    if codes.shape[1] > 2:
        centred = codes - codes.mean(0)
        _, _, directions = np.linalg.svd(centred, full_matrices=False)
        codes = centred @ directions[:2].T
    elif codes.shape[1] == 1:
        codes = np.column_stack([codes[:, 0], np.random.default_rng(0).uniform(-1, 1, len(codes))])
    chosen = slice(None) if len(codes) <= most else np.linspace(0, len(codes) - 1, most).astype(int)
    if y is None:
        colours = PALETTE[0]
    else:
        classes = np.unique(y)
        table = class_colours(len(classes))
        colours = [table[k] for k in np.searchsorted(classes, y[chosen])]
    ax.scatter(*codes[chosen].T, s=3, c=colours, linewidths=0, alpha=0.7)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color(FAINT)
    return figure


def class_colours(n: int) -> list[str]:
    """Colours of n classes, the palette's, again where there are more."""
    return [PALETTE[k % len(PALETTE)] for k in range(n)]


def _figure(width, height):
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    ax = figure.add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(colors=MUTED, labelsize=9)
    ax.xaxis.label.set(color=INK, size=10)
    ax.yaxis.label.set(color=INK, size=10)
    ax.grid(False)
    return figure, ax


def _style(k: int) -> dict[str, Any]:
    """Colour and marker of the k-th line."""
    return {"color": PALETTE[k % len(PALETTE)], "marker": MARKERS[k % len(MARKERS)]}


def _legend(ax, title: str | None):
    handles, names = ax.get_legend_handles_labels()
    if handles or title:
        ax.legend(
            handles, names, frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1), title=title,
            title_fontsize=8, alignment="left", borderaxespad=0,
        )  # fmt: skip
