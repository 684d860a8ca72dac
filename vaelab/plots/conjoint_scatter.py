"""The private and shared parts of a model of several views, each coloured by class and by tag."""

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.errors import NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.points import colouring, draw_ellipses, draw_legend, draw_points, frame, legend_space, prior_ellipses
from vaelab.plots.style import MARGIN, SMALL, TEXT, Page, layout
from vaelab.view import projections


def conjoint_scatter(view, *, split: Split, n: PositiveInt):
    """A column per part (private_1, .., shared), a row per colouring: what is common should show in the shared part.

    Parts of more than two latents are shown on their two principal axes.

    Args:
        n: images, drawn at random; all where there are fewer.
    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: the model has one view.
    """
    if len(view.parts) < 2:
        raise NotApplicable("conjoint_scatter needs a model of several views (structure=conjoint); this run has one.")
    part = view.split(split)
    rows = pick.random_rows(view, part, n, "projection")
    kinds = ["auto"] + ([f"tag_{v + 1}" for v in range(view.n_views)] if part.tags is not None else [])
    colours = [colouring(view, part, rows, kind, "plots.conjoint_scatter") for kind in kinds]
    maps = [flat_part(np.asarray(part.mean)[rows][:, where], name, where) for name, where in view.parts.items()]

    spaces = [legend_space(c) for c in colours]
    side = max(s[0] for s in spaces)
    cell = (layout().width - MARGIN - side - 0.1) / len(maps)
    inner = cell - 0.62
    line = inner + 0.72
    heights = [line + s[1] for s in spaces]
    page = Page(
        "Parts of the code",
        [view.name, pick.split_facts(view, part, len(rows)), "posterior means"],
        sum(heights) + 0.35,
    )
    for k, (name, *_) in enumerate(maps):
        page.text(name, k * cell + 0.57 + inner / 2, page.height - 0.14, size=TEXT, ha="center", weight="bold")
    top = page.height - 0.3
    for colour, (_, below, present), height in zip(colours, spaces, heights):
        bottom = top - height
        for k, ((_, xy, labels, is_code), where) in enumerate(zip(maps, view.parts.values())):
            ax = page.axes(k * cell + 0.57, bottom + below + 0.57, inner, inner)
            ellipses = prior_ellipses(view, range(where.start, where.stop)) if is_code else None
            draw_ellipses(ax, ellipses)
            draw_points(ax, xy, colour, size=max(1.5, min(9.0, 220 / np.sqrt(len(xy)))))
            frame(ax, xy, labels, True, circles=ellipses)
            ax.xaxis.labelpad = ax.yaxis.labelpad = 1
            ax.tick_params(labelsize=SMALL - 0.5)
        draw_legend(page, colour, present, page.width - side - MARGIN + 0.2, top - 0.08, below and bottom + below)
        top = bottom
    return page.figure


def flat_part(z: np.ndarray, name: str, where: slice):
    """One part of the code as a plane: (title, (n, 2) points, axis labels, whether the axes are latents)."""
    title = name.replace("_", " ")
    latents = list(range(where.start, where.stop))
    if len(latents) == 2:
        return title, z, [f"z{d}" for d in latents], True
    if len(latents) == 1:
        spread = np.random.default_rng(0).uniform(-0.5, 0.5, len(z))
        return title, np.column_stack([z[:, 0], spread]), [f"z{latents[0]}", "(spread at random)"], False
    if not latents:
        return title, np.zeros((len(z), 2)), ["", ""], False
    points, _, share = projections.pca(z.astype(np.float64), 2, 0)
    return title, points, [f"axis {k + 1} of {len(latents)} ({s:.0%})" for k, s in enumerate(share)], False
