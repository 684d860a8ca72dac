"""Scores of a run's own images and of others."""

import numpy as np
from matplotlib.lines import Line2D

from vaelab.config.types import PositiveInt, Split
from vaelab.plots import choose as pick
from vaelab.plots.style import INK, MARGIN, TEXT, Page, colour, layout, text_width
from vaelab.scores.against import against, check

_HEIGHT, _COLUMNS, _BINS = 1.9, 3, 40


def ood(view, *, split: Split, on: list[str], scores: list[str] | None, images: PositiveInt | None, resize: bool):
    """One panel per score: how it is distributed over the run's own images and over each other kind.

    Strange images lie right. The range is that of all values but the outermost percent of each kind.

    Args:
        on, scores, images, resize: as those of metric=ood.
    Returns:
        matplotlib Figure.
    """
    found = against(view, split=split, on=on, scores=scores, images=images, resize=resize, where="plots.ood")
    groups = {f"own {split} images": found.own, **found.others}
    columns = min(_COLUMNS, len(found.scores))
    rows = -(-len(found.scores) // columns)
    widest = max(0.6 + text_width(name, TEXT) for name in groups)
    fitting = max(1, min(int((layout().width - 2 * MARGIN) / widest), len(groups)))
    legend = 0.25 * -(-len(groups) // fitting)
    page = Page(
        "How strange images are", [view.name, pick.split_facts(view, view.split(split), len(found.own.images[0]))],
        rows * _HEIGHT + legend,
    )  # fmt: skip
    width = (page.width - 2 * MARGIN) / columns
    for k, score in enumerate(found.scores):
        row, column = divmod(k, columns)
        ax = page.axes(
            MARGIN + column * width + 0.1, (rows - 1 - row) * _HEIGHT + 0.55, width - 0.3, _HEIGHT - 0.9
        )  # fmt: skip
        values = {name: found.strange(group, score) for name, group in groups.items()}
        ends = np.array([np.percentile(v, [1, 99]) for v in values.values()])
        low, high = ends.min(), max(ends.max(), ends.min() + 1e-9)
        edges = np.linspace(low, high, _BINS + 1)
        for n, v in enumerate(values.values()):
            counts, _ = np.histogram(np.clip(v, low, high), edges)
            ax.stairs(counts / len(v), edges, color=colour(n), fill=n == 0, alpha=0.4 if n == 0 else 1.0, linewidth=1.5)
        ax.set_yticks([])
        ax.set_title(f"{'' if found.scores[score].sign > 0 else '−'}{score}", loc="left", fontsize=TEXT, color=INK)
    handles = [Line2D([], [], color=colour(n), linewidth=2.5, label=name) for n, name in enumerate(groups)]
    page.legend(handles, MARGIN, page.height - 0.02, columns=fitting, size=TEXT)
    return page.figure


def _needs(view, *, on, **_) -> None:
    check(view, on=on, where="plots.ood")


ood.needs = _needs
