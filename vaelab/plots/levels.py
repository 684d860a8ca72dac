"""Some images, and what they become where one level of their latents is drawn anew."""

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.contracts import PriorView, optional
from vaelab.errors import NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, grid_figure


def levels(view, *, split: Split, n: PositiveInt, draws: PositiveInt, indices: list[int] | None):
    """A row for each image: it, its reconstruction, and for each level l decoder means of draws z_l ~ p(z_l | z_>l).

    The other levels stay as q(z|x) has them, at one draw. What changes is what the level says and those above it do
    not; of the highest, that of p(z_L), it is all that it says.

    Args:
        n: images drawn at random, of different classes where there are labels.
        draws: images of each level.
        indices: images chosen instead.
    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: an index is out of range.
        NotApplicable: the latents have one level.
    """
    redraw = needs(view)
    part = view.split(split)
    if indices is None:
        rows = pick.rows_of_classes(view, part, n, "levels")
    else:
        rows = np.array([pick.checked_index(part, i, "plots.levels.indices") for i in indices])
    z, given, rng = np.asarray(part.z[rows], np.float32), part.given(rows), pick.rng(view, "levels")
    (images,), (decoded,) = part.images(rows), view.decode(z, *given)
    names = tuple(pick.image_label(view, part, r) for r in rows)
    blocks = [Block(np.stack([images, decoded], axis=1), heading="image, decoded", rows=names)]
    several = np.repeat(z, draws, axis=0)
    for name in view.parts:
        drawn = view.decode(redraw(several, (name,), rng), *(np.repeat(c, draws, axis=0) for c in given))[0]
        heading = f"{name.replace('_', ' ')} drawn"
        blocks.append(Block(drawn.reshape(len(rows), draws, *drawn.shape[1:]), heading=heading))
    facts = [view.name, f"{part.name} split", view.prior.words, "the other levels stay, at one draw of q(z|x)"]
    return grid_figure(blocks, title="What each level says: it alone is drawn anew", facts=facts, largest_tile=0.8)


def needs(view, **_):
    """The function that draws levels anew."""
    if len(view.parts) < 2 or view.n_views > 1 or (redraw := optional(view.prior, PriorView, "redraw")) is None:
        raise NotApplicable("levels needs several levels of latents (structure=two_level); this run has one.")
    return redraw


levels.needs = needs
