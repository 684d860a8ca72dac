"""The codes themselves: histogram of one latent, scatter of two, box of three."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.maps import own_facts
from vaelab.plots.points import (
    BEHIND,
    colouring,
    draw_behind,
    draw_ellipses,
    draw_legend,
    draw_points,
    frame,
    legend_space,
    prior_ellipses,
    scatter_figure,
)
from vaelab.plots.style import INK, MARGIN, MUTED, SMALL, TEXT, Page, colour, layout
from vaelab.system.palette import FAINT

PLANES = ((0, 1), (0, 2), (1, 2))  # of a box


def latent_scatter(
    view,
    *,
    split: Split,
    n: PositiveInt | None,
    dims: list[int] | None,
    code: Literal["mean", "sample"],
    draws: PositiveInt,
    color: str,
):
    """Codes of a split coloured by class, with the prior's 1 and 2 standard deviation circles.

    On images that the run was not trained on, its own test images lie behind them in grey.

    Args:
        n: images, drawn at random (null: all).
        dims: one, two or three latents; null: all where there are at most three, else the two with the highest rate.
        code: posterior means, or posterior draws z ~ q(z|x).
        draws: per image, where code=sample.
        color: auto (class), class, none, a factor's name, tag or tag_<view>.
    Returns:
        matplotlib Figure.
    """
    return _scatter(view, split, n, dims, code, draws, color, "latent_scatter")


def _scatter(view, split, n, dims, code, draws, color, plot, why=""):
    part = view.split(split)
    rows = _rows(view, part, n)
    shown, chosen = _dims(view, part, dims)
    z, rows, what = _codes(view, part, rows, code, draws)
    behind, own = _own_codes(view, n, code, draws, shown)
    colours = colouring(view, part, rows, color, f"plots.{plot}.color")
    labels = [pick.latent_name(view, d) for d in shown]
    facts = [view.name, pick.split_facts(view, part, len(np.unique(rows))), what, chosen, why, own]
    title = "Latent codes" if len(shown) > 1 else "Codes of one latent"
    if len(shown) == 2:
        return scatter_figure(
            z[:, shown], colours, title=title, facts=facts, labels=labels, ticks=True,
            circles=prior_ellipses(view, shown), behind=behind,
        )  # fmt: skip
    if len(shown) == 1:
        return _histogram(z[:, shown[0]], behind[:, 0], colours, title, facts, labels[0], _marginal(view, shown[0]))
    ellipses = [prior_ellipses(view, [shown[k] for k in p]) for p in PLANES]
    return _box(z[:, shown], behind, colours, title, facts, labels, ellipses)


def codes_as_they_are(view, *, split: Split, n: PositiveInt, color: str, plot: str, instead_of: str):
    """The scatter of one or two latents, in place of a map that would only bend them; the picture says so.

    Args:
        plot: the option whose settings these are.
        instead_of: what the map is called.
    """
    are = "latents are" if view.latent_dim > 1 else "latent is"
    why = f"no {instead_of}: {view.latent_dim} {are} the map already"
    return _scatter(view, split, n, None, "mean", 1, color, plot, why)


def _dims(view, part, dims):
    if dims is not None:
        if not 1 <= len(dims) <= 3:
            raise ConfigError(f"plots.latent_scatter.dims: expected one to three latents, got {len(dims)}.")
        return pick.checked_latents(view, dims, "plots.latent_scatter.dims"), ""
    if view.latent_dim <= 3:
        return list(range(view.latent_dim)), ""
    value, unit = pick.importance(view, part)
    best = [int(d) for d in np.argsort(-value)[:2]]
    return best, f"the 2 of {view.latent_dim} latents with the highest {'rate' if unit == 'nats' else unit}"


def _rows(view, part, n: int | None) -> np.ndarray:
    return np.arange(len(part)) if n is None else pick.random_rows(view, part, n, "projection")


def _codes(view, part, rows, code, draws):
    if code == "mean":
        return np.asarray(part.mean[rows]), rows, "posterior means"
    z = view.posterior_samples(part.name, draws, rows)  # (draws, n, D)
    return z.reshape(-1, z.shape[-1]), np.tile(rows, draws), f"{draws} posterior draws per image"


def _own_codes(view, n, code, draws, shown) -> tuple[np.ndarray, str]:
    """(codes of the run's own test images where the view is on others, what is said of them)"""
    if view.own is None:
        return np.empty((0, len(shown))), ""
    part = view.own.split("test")
    rows = _rows(view.own, part, n)
    return _codes(view.own, part, rows, code, draws)[0][:, shown], own_facts(view, len(rows))


def _marginal(view, d: int) -> tuple[np.ndarray, np.ndarray]:
    """(values, p(z_d)) of a latent's prior, the density from its quantiles: d probability / d value."""
    levels = np.concatenate([np.geomspace(1e-3, 0.01, 20)[:-1], np.linspace(0.01, 0.5, 100)])
    levels = np.concatenate([levels, 1 - levels[-2::-1]])
    at = view.prior.quantiles(levels)[:, d]
    return (at[1:] + at[:-1]) / 2, np.diff(levels) / np.maximum(np.diff(at), 1e-12)


def _histogram(values, behind, colours, title, facts, label, prior):
    side, below, present = legend_space(colours)
    page = Page(title, facts, 4.6 + below)
    ax = page.axes(0.75, below + 0.6, page.width - 0.75 - side - MARGIN, 3.9)
    every = np.concatenate([values, behind])
    edges = np.linspace(every.min() - 1e-6, every.max() + 1e-6, 41)
    if len(behind):
        ax.hist(behind, edges, color=BEHIND, density=True)
    if colours.values is None or not colours.names:
        ax.hist(values, edges, color=colour(0), alpha=0.7, density=True)
    else:
        for k in present:
            own = {"bins": edges, "density": True, "color": colour(k)}
            ax.hist(values[colours.values == k], histtype="step", linewidth=1.6, **own)
    ax.plot(*prior, color=MUTED, linestyle="--", linewidth=1)
    ax.set_xlabel(f"{label}  (dashed: the prior)")
    ax.set_ylabel("density" + (" within the class" if colours.names else ""))
    draw_legend(page, colours, present, page.width - side - MARGIN + 0.2, below + 4.4, below)
    return page.figure


def _box(z, behind, colours, title, facts, labels, ellipses):
    """The three-dimensional view large, the three planes small beside it."""
    side, below, present = legend_space(colours)
    height = 0.72 * layout().width
    page = Page(title, facts, height + below)
    small = (height - 1.35) / 3
    large = page.width - side - small - 1.05 - MARGIN
    size = page.figure.get_size_inches()
    ax = page.figure.add_axes(
        (0.0, (below + 0.2) / size[1], (large - 0.1) / size[0], (height - 0.3) / size[1]), projection="3d"
    )  # fmt: skip
    draw_behind(ax, behind)
    draw_points_3d(ax, z, colours)
    _frame_3d(ax, labels)
    for k, (i, j) in enumerate(PLANES):
        flat = page.axes(large + 0.62, below + 0.42 + (2 - k) * (small + 0.42), small, small)
        draw_ellipses(flat, ellipses[k])
        draw_behind(flat, behind[:, [i, j]])
        draw_points(flat, z[:, [i, j]], colours, size=max(1.0, min(6.0, 160 / np.sqrt(len(z)))))
        frame(flat, np.concatenate([z, behind])[:, [i, j]], (labels[i], labels[j]), True, circles=ellipses[k])
        flat.set_ylabel(labels[j], labelpad=1)
        flat.set_xlabel(labels[i], labelpad=1)
    draw_legend(page, colours, present, page.width - side - MARGIN + 0.2, below + height - 0.1, below)
    return page.figure


def _frame_3d(ax, labels) -> None:
    """Names, walls and grid of three-dimensional axes."""
    ax.set_box_aspect((1, 1, 1), zoom=1.0)
    for set_label, label in zip((ax.set_xlabel, ax.set_ylabel, ax.set_zlabel), labels):
        set_label(label, fontsize=TEXT, color=INK)
    ax.tick_params(labelsize=SMALL, colors=INK)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set_facecolor("#f6f7f8")
        axis.pane.set_edgecolor(FAINT)
        axis.line.set_color(MUTED)
        axis._axinfo["grid"].update(color="#e3e6ea", linewidth=0.7)


def draw_points_3d(ax, z, colours) -> None:
    """The points of a three-dimensional scatter."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgba

    from vaelab.plots.style import SEQUENTIAL, marker

    size = float(np.clip(420 / np.sqrt(len(z)), 2.0, 26.0))
    style = {"s": size, "linewidths": 0, "alpha": 0.8, "rasterized": True, "depthshade": False}
    if colours.values is None:
        ax.scatter(*z.T, c=colour(0), **style)
        return
    if not colours.names:
        top = max(1, colours.values.max() - colours.values.min())
        ax.scatter(*z.T, c=colormaps[SEQUENTIAL]((colours.values - colours.values.min()) / top), **style)
        return
    classes = range(int(colours.values.max()) + 1)
    rgba = np.array([to_rgba(colour(k)) for k in classes])[colours.values]
    shapes = np.array([marker(k) for k in classes])[colours.values]
    for shape in dict.fromkeys(shapes):
        chosen = shapes == shape
        ax.scatter(*z[chosen].T, c=rgba[chosen], marker=shape, **style)


def needs(view, *, dims, **_):
    """The latents that were chosen."""
    if dims is not None:
        _dims(view, None, dims)


latent_scatter.needs = needs
