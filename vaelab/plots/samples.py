"""Images decoded from random latent vectors."""

from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveFloat, PositiveInt
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, folded, grid_figure, square
from vaelab.system import memory

SETTING = "plots.samples.condition"
ROWS = 20  # conditions that have a row each, at most


def samples(
    view, *, n: PositiveInt, distribution: Literal["prior", "uniform"], scale: PositiveFloat,
    condition: Condition | None,
):  # fmt: skip
    """Decoder means of n latent vectors; with several views the same vectors in each.

    Args:
        distribution: prior draws z ~ p(z), moved to `scale` times the distance from its mean; uniform draws each latent
            from [-scale, scale].
        scale: 1 is the prior itself (prior), half the width of the range (uniform).
        condition: one, or several, which have a row each of the same vectors; null: every class, or where the condition
            is no choice of few those of training images drawn at random.
    Returns:
        matplotlib Figure.
    """
    memory.require(12 * n * view.latent_dim, f"plots.samples.n={n}: its codes", "Choose a smaller one.")
    generator = pick.rng(view, f"samples_{distribution}")
    rows = _conditions(view, condition)
    n = n if rows is None else max(1, n // len(rows))
    if distribution == "prior":
        middle, z = view.prior.mean, view.sample_prior(n, generator)
        z = middle + scale * (z - middle)
        title, source = "Samples from the prior", f"z ~ {view.prior.words}"
        source += "" if scale == 1 else f", {scale:g} times as far from its mean"
    else:
        z = generator.uniform(-scale, scale, (n, view.latent_dim))
        title, source = "Images of random latent vectors", f"each latent uniform in [{-scale:g}, {scale:g}]"
    facts = [view.name, f"decoder means, {n} draws", source]
    if rows is None:
        given = view.sample_given(n, generator)
        facts.append("conditions of training images" if given else "")
        decoded = view.decode(z.astype(np.float32), *given)
    else:
        facts.append("the same draws in each row" if len(rows) > 1 else pick.told(view, (rows,)))
        decoded = view.decode(np.tile(z, (len(rows), 1)).astype(np.float32), np.repeat(rows, n, axis=0))
    height, width = decoded[0].shape[1:3]
    several = rows is not None and len(rows) > 1
    columns = n if several else square(n, height, width, view.n_views, tile=1.2)
    names = tuple(view.condition.told(rows)) if several else ()
    blocks = [
        Block(folded(images, columns), heading=pick.view_name(view, v), rows=names if v == 0 else ())
        for v, images in enumerate(decoded)
    ]
    return grid_figure(blocks, title=title, facts=facts, largest_tile=1.2)


def _conditions(view, typed) -> np.ndarray | None:
    """(R, K) what was typed, else every choice where they are few; None where they are drawn, or there is none."""
    if typed is None or view.condition is None:
        pick.needs_given(view, typed, SETTING, own=True)
        rows = None if view.condition is None else view.condition.each()
        return rows if rows is not None and len(rows) <= ROWS else None
    return view.condition.read(typed, SETTING)


def needs(view, *, condition, **_):
    """The conditions that were typed."""
    _conditions(view, condition)


samples.needs = needs
