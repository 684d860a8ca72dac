"""The decoder's image at every point of a grid over two latents."""

import numpy as np

from vaelab.config.types import Condition, PositiveFloat, PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.grid import GAP, Block, grid_figure, number, picture_size, thinned
from vaelab.plots.style import layout
from vaelab.system import memory


def manifold(
    view,
    *,
    split: Split,
    n: PositiveInt,
    dims: list[int] | None,
    scale: PositiveFloat,
    rectangle: list[float] | None,
    at: int | None,
    condition: Condition | None,
):
    """n x n decoder means over the plane of two latents; the second latent grows upwards.

    Args:
        dims: the two latents (null: the only two).
        scale: the grid is the prior's quantiles from 0.05 to 0.95, equal steps in probability, `scale` times as far
            from its mean.
        rectangle: [x_min, x_max, y_min, y_max] with equal steps instead.
        at: image of the split whose code holds the other latents (null: the prior's mean).
        condition: what is decoded with, in a run that has one (null: that of image `at`).
    Returns:
        matplotlib Figure.
    """
    part = view.split(split)
    if view.latent_dim == 1 and dims is None:
        shown = [0]
    else:
        shown = pick.plane(view, part, dims, "manifold")
    (x, *others), what = axes_of(view, shown, n, scale, rectangle, "manifold")
    y = others[0] if others else np.zeros(1)
    base = base_code(view, part, at, "manifold")
    if len(shown) == 1:
        what = what.replace(f"{n} × {n}", f"{n} images", 1)
    memory.require(16 * len(y) * len(x) * len(base), f"plots.manifold.n={n}: its codes", "Choose a smaller one.")
    z = np.tile(base, (len(y), len(x), 1))  # (rows, columns, D)
    z[..., shown[0]] = x
    if len(shown) > 1:
        z[..., shown[1]] = y[::-1, None]
    given = pick.given_of(view, part, at, condition, "plots.manifold.condition")
    decoded = view.decode(z.reshape(-1, view.latent_dim), *pick.repeated(given, len(y) * len(x)))
    rest = view.latent_dim - len(shown)
    held = f"the other {rest} latents {held_at(view, at)}" if rest else ""
    tile = (layout().width - 1.0) / (n * view.n_views)
    columns = tuple(thinned([number(a) for a in x], tile, 0.6))
    shown_high, shown_wide = picture_size(*decoded[0].shape[1:])
    high = tile * shown_high / shown_wide
    rows = tuple(thinned([number(b) for b in y[::-1]], high, 0.5)) if len(shown) > 1 else ()
    blocks = [
        Block(
            images.reshape(len(y), len(x), *images.shape[1:]),
            heading=pick.view_name(view, v),
            rows=rows,
            columns=columns,
        )
        for v, images in enumerate(decoded)
    ]
    names = [pick.latent_name(view, d) for d in shown]
    return grid_figure(
        blocks,
        title=f"Manifold: the decoder over {' and '.join(names)}",
        facts=[view.name, what, held, pick.told(view, given)],
        gap=min(GAP, 0.08 * tile),
        x_label=names[0],
        y_label=names[1] if len(names) > 1 else "",
        columns_below=True,
    )


def needs(view, *, split, dims, at, condition, **_):
    """Two latents, or one alone, and a condition."""
    pick.needs_given(view, condition, "plots.manifold.condition", own=at is not None)
    if dims is not None or view.latent_dim > 1:
        pick.plane(view, view.split(split), dims, "manifold")


manifold.needs = needs


def axes_of(view, shown, n, scale, rectangle, plot) -> tuple[list[np.ndarray], str]:
    """Ascending coordinates of a grid along each of the latents shown, and what they are."""
    if rectangle is None:
        levels = np.linspace(0.05, 0.95, n) if n > 1 else np.array([0.5])
        middle = view.prior.mean
        quantiles = middle + scale * (view.prior.quantiles(levels) - middle)  # (n, D)
        factor = "" if scale == 1 else f"{scale:g} × "
        return [quantiles[:, d] for d in shown], f"{n} × {n} at {factor}the prior's quantiles 0.05 to 0.95"
    if len(rectangle) != 4 or not (rectangle[0] < rectangle[1] and rectangle[2] < rectangle[3]):
        raise ConfigError(
            f"plots.{plot}.rectangle: expected [x_min, x_max, y_min, y_max], smaller ones first, got {rectangle}."
        )
    x0, x1, y0, y1 = rectangle
    axes = [np.linspace(x0, x1, n), np.linspace(y0, y1, n)][: len(shown)]
    return axes, f"{n} × {n} over [{x0:g}, {x1:g}] × [{y0:g}, {y1:g}], equal steps"


def held_at(view, at) -> str:
    """Where `base_code` holds the latents that are not shown."""
    if at is not None:
        return f"of image #{at}"
    return "at the prior's mean" if np.any(view.prior.mean) else "at 0"


def base_code(view, part, at, plot) -> np.ndarray:
    """(D,) the code the other latents are taken from: the prior's mean, or an image's posterior mean."""
    if at is None:
        return np.array(view.prior.mean)
    return np.asarray(part.mean[pick.checked_index(part, at, f"plots.{plot}.at")], np.float64)
