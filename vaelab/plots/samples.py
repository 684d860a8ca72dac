"""Images decoded from random latent vectors."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveFloat, PositiveInt
from vaelab.plots import choose as pick
from vaelab.plots.grid import Block, folded, grid_figure, square
from vaelab.system import memory


def samples(view, *, n: PositiveInt, distribution: Literal["prior", "uniform"], scale: PositiveFloat):
    """Decoder means of n latent vectors; with several views the same vectors in each.

    Args:
        distribution: prior draws z ~ p(z), moved to `scale` times the distance from its mean; uniform draws each latent
            from [-scale, scale].
        scale: 1 is the prior itself (prior), half the width of the range (uniform).
    Returns:
        matplotlib Figure.
    """
    memory.require(12 * n * view.latent_dim, f"plots.samples.n={n}: its codes", "Choose a smaller one.")
    generator = pick.rng(view, f"samples_{distribution}")
    if distribution == "prior":
        middle, z = view.prior.mean, view.sample_prior(n, generator)
        z = middle + scale * (z - middle)
        title, source = "Samples from the prior", f"z ~ {view.prior.words}"
        source += "" if scale == 1 else f", {scale:g} times as far from its mean"
    else:
        z = generator.uniform(-scale, scale, (n, view.latent_dim))
        title, source = "Images of random latent vectors", f"each latent uniform in [{-scale:g}, {scale:g}]"
    decoded = view.decode(z.astype(np.float32))
    height, width = decoded[0].shape[1:3]
    columns = square(n, height, width, view.n_views, tile=1.2)
    blocks = [Block(folded(images, columns), heading=pick.view_name(view, v)) for v, images in enumerate(decoded)]
    return grid_figure(blocks, title=title, facts=[view.name, f"decoder means, {n} draws", source], largest_tile=1.2)
