"""Pictures of maps of codes: t-SNE, UMAP, principal axes."""

from vaelab.plots.choose import split_facts
from vaelab.plots.points import colouring, scatter_figure
from vaelab.system.printing import counted
from vaelab.view.projections import Projection


def map_figure(view, split: str, found: Projection, color: str, *, plot: str, title: str, labels, ticks: bool):
    """The scatter of a map; on images that the run was not trained on, its own test images lie behind them in grey.

    Args:
        plot: the option whose setting `color` is.
        labels: of the two axes.
        ticks: False where coordinates mean nothing.
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    facts = [view.name, split_facts(view, part, len(found.rows)), counted(view.latent_dim, "latent")]
    facts += [] if ticks else [found.note]
    return scatter_figure(
        found.points,
        colouring(view, part, found.rows, color, f"plots.{plot}.color"),
        title=title,
        facts=[*facts, own_facts(view, len(found.own))],
        labels=labels,
        ticks=ticks,
        behind=found.own,
    )


def own_facts(view, shown: int) -> str:
    """ "grey: own test split, 2,000 of 10,000 images"; empty where the view is on the run's own images."""
    return f"grey: own {split_facts(view.own, view.own.split('test'), shown)}" if view.own is not None else ""
