"""t-SNE map of the posterior means."""

from typing import Literal

from vaelab.config.types import PositiveFloat, PositiveInt, Split, TSNEIterations
from vaelab.plots.latent_scatter import codes_as_they_are
from vaelab.plots.maps import map_figure
from vaelab.view.projections import project


def tsne(
    view,
    *,
    split: Split,
    n: PositiveInt,
    engine: Literal["scikit-learn", "opentsne"],
    perplexity: PositiveFloat,
    iterations: TSNEIterations,
    color: str,
):
    """Scatter of the t-SNE coordinates of n images, coloured by class; one or two latents are their own map and are
    drawn as they are.

    Args:
        n: images, drawn at random; all where there are fewer. For tens of thousands use engine=opentsne.
        color: auto (class), class, none, a factor's name, tag or tag_<view>.
    Returns:
        matplotlib Figure.
    References:
        van der Maaten & Hinton (2008).
    """
    if view.latent_dim <= 2:
        return codes_as_they_are(view, split=split, n=n, color=color, plot="tsne", instead_of="t-SNE")
    found = project(view, split, "tsne", n, engine=engine, perplexity=perplexity, iterations=iterations)
    return map_figure(
        view, split, found, color, plot="tsne", title="t-SNE of the posterior means",
        labels=("t-SNE 1", "t-SNE 2"), ticks=False,
    )  # fmt: skip
