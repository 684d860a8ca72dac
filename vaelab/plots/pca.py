"""Principal axes of the posterior means."""

from vaelab.config.types import PositiveInt, Split
from vaelab.plots.maps import map_figure
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
    return map_figure(
        view, split, found, color, plot="pca", title="Principal axes of the posterior means",
        labels=[f"axis {k + 1}  ({share:.0%} of the variance)" for k, share in enumerate(found.explained)], ticks=True,
    )  # fmt: skip
