"""Principal axes of the posterior means."""

from vaelab.config.types import PositiveInt, Split
from vaelab.plots.choose import split_facts
from vaelab.plots.points import colouring, scatter_figure
from vaelab.view.projections import project


def pca(view, *, split: Split, n: PositiveInt, color: str):
    """Scatter of the two widest principal axes of the codes, coloured by class; units are those of the latents.

    Args:
        n: images, drawn at random; all where there are fewer.
        color: auto (class), class, none, a factor's name, tag or tag_<view>.
    Returns:
        matplotlib Figure.
    """
    found = project(view, split, "pca", n)
    part = view.split(split)
    return scatter_figure(
        found.points,
        colouring(view, part, found.rows, color, "plots.pca.color"),
        title="Principal axes of the posterior means",
        facts=[view.name, split_facts(view, part, len(found.rows)), f"{view.latent_dim} latents"],
        labels=[f"axis {k + 1}  ({share:.0%} of the variance)" for k, share in enumerate(found.explained)],
        ticks=True,
    )
