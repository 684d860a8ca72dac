"""UMAP map of the posterior means."""

from vaelab.config.types import NonNegativeFloat, PositiveInt, Split
from vaelab.plots.latent_scatter import codes_as_they_are
from vaelab.plots.maps import map_figure
from vaelab.view.projections import project


def umap(
    view,
    *,
    split: Split,
    n: PositiveInt,
    neighbours: PositiveInt,
    min_dist: NonNegativeFloat,
    color: str,
):
    """Scatter of the UMAP coordinates of n images, coloured by class; one or two latents are their own map and are
    drawn as they are. Needs umap-learn.

    Args:
        n: images, drawn at random; all where there are fewer.
        color: auto (class), class, none, a factor's name, tag or tag_<view>.
    Returns:
        matplotlib Figure.
    References:
        McInnes, Healy & Melville (2018).
    """
    if view.latent_dim <= 2:
        return codes_as_they_are(view, split=split, n=n, color=color, plot="umap", instead_of="UMAP")
    found = project(view, split, "umap", n, neighbours=neighbours, min_dist=min_dist)
    return map_figure(
        view, split, found, color, plot="umap", title="UMAP of the posterior means",
        labels=("UMAP 1", "UMAP 2"), ticks=False,
    )  # fmt: skip
