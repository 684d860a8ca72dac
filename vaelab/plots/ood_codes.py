"""Codes of a run's own images and of others on one map."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveFloat, PositiveInt, Split, TSNEIterations
from vaelab.plots import choose as pick
from vaelab.plots.points import Colouring, scatter_figure
from vaelab.scores.against import check, images_of
from vaelab.view.projections import METHODS, NO_SHARES

_AXES = {"tsne": ("t-SNE 1", "t-SNE 2"), "pca": ("principal axis 1", "principal axis 2")}


def ood_codes(
    view,
    *,
    split: Split,
    on: list[str],
    images: PositiveInt | None,
    resize: bool,
    method: Literal["tsne", "pca"],
    engine: Literal["scikit-learn", "opentsne"],
    perplexity: PositiveFloat,
    iterations: TSNEIterations,
):
    """Scatter of the posterior means of the run's own images and of each other kind, in one map, coloured by kind.

    Two latents are drawn as they are.

    Args:
        on, images, resize: as those of metric=ood.
        method: t-SNE (van der Maaten & Hinton, 2008), or principal axes.
        engine, perplexity, iterations: of t-SNE.
    Returns:
        matplotlib Figure.
    """
    own, others = images_of(view, split=split, on=on, images=images, resize=resize, where="plots.ood_codes")
    groups = {f"own {split} images": own, **others}
    means = [view.see(group).mean for group in groups.values()]
    kinds = np.repeat(np.arange(len(means)), list(map(len, means)))
    codes = np.concatenate(means).astype(np.float64)
    if view.latent_dim == 2:
        points, note, shares, axes = codes, "two latents", NO_SHARES, ("z0", "z1")
    else:
        settings = {"engine": engine, "perplexity": perplexity, "iterations": iterations} if method == "tsne" else {}
        points, note, shares = METHODS[method](codes, 2, int(view.rng("plots", 21).integers(2**31 - 1)), **settings)
        axes = _AXES[method]
    facts = [view.name, pick.split_facts(view, view.split(split), len(means[0])), note]
    if len(shares):
        facts.append(f"{shares.sum():.0%} of the variance")
    return scatter_figure(
        np.asarray(points, np.float32),
        Colouring(kinds, tuple(groups), "images"),
        title="Codes of own and other images",
        facts=facts,
        labels=axes,
        ticks=bool(len(shares)) or view.latent_dim == 2,
    )


def _needs(view, *, on, **_) -> None:
    check(view, on=on, where="plots.ood_codes")


ood_codes.needs = _needs
