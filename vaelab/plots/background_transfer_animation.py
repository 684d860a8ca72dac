"""Background transfer of one image as it goes on: the target image, or its code among those of all images."""

from typing import Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from vaelab.config.types import PositiveInt, Split
from vaelab.plots import choose as pick
from vaelab.plots.animation import Animation
from vaelab.plots.background_transfer import chosen_sources, chosen_targets
from vaelab.plots.conjoint_scatter import flat_part
from vaelab.plots.grid import Block, grid_frames, same_shape
from vaelab.plots.points import colouring, draw_ellipses, draw_legend, draw_points, frame, legend_space, prior_ellipses
from vaelab.plots.style import MARGIN, NARROW, SMALL, TEXT, Page
from vaelab.view import transfer

DOT, HALO = "#000000", "#ffffff"


def background_transfer_animation(
    view,
    *,
    split: Split,
    index: int | None,
    show: Literal["target", "shared", "private"],
    frames: PositiveInt,
    start: Literal["backgrounds", "zeros"],
    source_view: Literal[1, 2],
    source: str | None,
    target: str | None,
    color: str,
    n: PositiveInt | None,
    duration_ms: PositiveInt,
):
    """A GIF, one frame per iteration of the transfer, the first before any.

    Args:
        index: image of the split that is kept (null: one at random).
        show: target: the images; shared: the shared codes of training images, the current one as a large dot with its
            trail; private: the same for the private part of the target view.
        start: what the target view first shows: a pure background of the data, or zeros.
        source_view: the view whose image is kept.
        source, target: image files of your own instead.
        color: of the training codes: auto (class), class, none, tag_1, tag_2.
        n: training images, drawn at random; null for all.
    Returns:
        Animation.

    Raises:
        ConfigError: not two views, or a file that cannot be read.
    """
    setting, who = _setting(show), needs(view, show=show, source_view=source_view)
    part = view.split(split)
    indices, sources, targets = ([v] if v is not None else None for v in (index, source, target))
    image, (name,) = chosen_sources(view, part, 1, indices, sources, who, setting)
    first, (below,) = chosen_targets(view, 1, start, targets, who, setting)
    seen, codes = transfer.iterate(view, image, first, frames - 1, who)
    facts = [view.name, f"source {name} in view {who.source + 1}", f"start: {below}"]
    captions = [f"iteration {k}" for k in range(frames)]
    if show == "target":
        pairs = (same_shape([image, now]) for now in seen)
        blocks = [[Block(np.stack(pair, axis=1), columns=("source", "target"))] for pair in pairs]
        shown = grid_frames(blocks, captions, title="Background transfer", facts=facts, largest_tile=2.6)
        return Animation(shown, duration_ms)
    place = "shared" if show == "shared" else f"private_{who.target + 1}"
    return Animation(_walk(view, place, codes[:, 0], captions, facts, (color, f"{setting}.color"), n), duration_ms)


def _walk(view, place, codes, captions, facts, color, n) -> list[np.ndarray]:
    """The training codes of one part, drawn once, and on them frame by frame the way of one code (frames, D)."""
    train = view.split("train")
    rows = np.arange(len(train)) if n is None else pick.random_rows(view, train, n, "projection")
    where = view.parts[place]
    both = np.concatenate([np.asarray(train.mean)[rows][:, where], codes[:, where]])
    title, xy, labels, is_code = flat_part(both, place, where)
    colours = colouring(view, train, rows, *color)
    side, below, present = legend_space(colours, NARROW)
    height = 5.4
    facts = [*facts, pick.split_facts(view, train, len(rows)), "posterior means"]
    page = Page(f"Background transfer: {title} code", facts, height + below + 0.34, width=NARROW)
    foot = below + 0.34
    ax = page.axes(0.75, foot + 0.6, NARROW - 0.75 - side - MARGIN, height - 0.65)
    ellipses = prior_ellipses(view, range(where.start, where.stop)) if is_code else None
    draw_ellipses(ax, ellipses)
    points, path = xy[: len(rows)], xy[len(rows) :]
    draw_points(ax, points, colours, size=float(np.clip(300 / np.sqrt(len(points)), 1.5, 16.0)))
    frame(ax, xy, labels, True, circles=ellipses)
    ax.tick_params(labelsize=SMALL)
    draw_legend(page, colours, present, NARROW - side - MARGIN + 0.2, foot + height - 0.1, below)
    trail = [
        ax.plot([], [], color=c, linewidth=w, marker="o", markersize=m, zorder=5, animated=True)[0]
        for c, w, m in ((HALO, 3.2, 4.5), (DOT, 1.4, 2.5))
    ]
    (dot,) = ax.plot([], [], "o", color=HALO, markeredgecolor=DOT, markeredgewidth=3.0, markersize=14, zorder=6,
                     animated=True)  # fmt: skip
    caption = page.text("", NARROW / 2, 0.2, size=TEXT + 1, ha="center", animated=True)
    canvas = FigureCanvasAgg(page.figure)
    canvas.draw()
    empty, shown = canvas.copy_from_bbox(page.figure.bbox), []
    for k, text in enumerate(captions):
        canvas.restore_region(empty)
        for line in trail:
            line.set_data(*path[: k + 1].T)
        dot.set_data(*path[k : k + 1].T)
        caption.set_text(text)
        for artist in (*trail, dot):
            ax.draw_artist(artist)
        page.figure.draw_artist(caption)
        shown.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return shown


def needs(view, *, show, source_view, **_):
    """Two views with a shared part, and no condition."""
    return transfer.roles(view, source_view, _setting(show))


background_transfer_animation.needs = needs


def _setting(show: str) -> str:
    return f"plots.background_transfer_{'animation' if show == 'target' else show}"
