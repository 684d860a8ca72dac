"""What each latent does: it alone is moved, the others stay."""

from typing import Literal

import numpy as np

from vaelab.config.types import Condition, PositiveFloat, PositiveInt, Split
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.animation import Animation, there_and_back
from vaelab.plots.grid import Block, folded, grid_figure, grid_frames, number, picture_size, square, thinned
from vaelab.plots.manifold import base_code
from vaelab.plots.style import layout


def traversal(
    view,
    *,
    split: Split,
    output: Literal["still", "animation"],
    span: Literal["prior", "posterior"],
    width: PositiveFloat,
    steps: PositiveInt,
    latents: list[int] | None,
    most: PositiveInt,
    at: int | None,
    condition: Condition | None,
    duration_ms: PositiveInt,
):
    """One row of decoder means per latent, the latent with the highest rate first.

    Args:
        output: rows of steps, or a GIF in which every latent moves at once, each in its own image.
        span: prior goes from -width to width; posterior from the 1st to the 99th percentile of this latent's
            posterior means over the split.
        width: of the prior's span, in its standard deviations.
        steps: images per latent.
        latents: which ones (null: all, by rate).
        most: latents shown where none are chosen.
        at: image of the split to start from (null: the prior's mean).
        condition: what is decoded with, in a run that has one (null: that of image `at`).
        duration_ms: of a frame.
    Returns:
        matplotlib Figure, or Animation.
    """
    if steps < 2:
        raise ConfigError(f"plots.traversal.steps: expected at least 2, got {steps}.")
    part = view.split(split)
    value, unit = pick.importance(view, part)
    order = [int(d) for d in np.argsort(-value, kind="stable")]
    if latents is not None:
        order = pick.checked_latents(view, latents, "plots.traversal.latents")
    else:
        order = order[:most]
    values = _values(view, part, order, span, width, steps)  # (latents, steps)
    base = base_code(view, part, at, "traversal")
    given = pick.given_of(view, part, at, condition, "plots.traversal.condition")
    z = codes(base, order, values).reshape(-1, view.latent_dim)
    decoded = view.decode(z, *pick.repeated(given, len(z)))
    decoded = [v.reshape(len(order), steps, *v.shape[1:]) for v in decoded]
    tile = (layout().width - 1.0 - 0.3 * view.n_views) / (steps * view.n_views)
    shown_high, shown_wide = picture_size(*decoded[0].shape[2:])
    lines = "\n" if output == "animation" or tile * shown_high / shown_wide > 0.3 else "  "
    names = [f"{pick.latent_name(view, d)}{lines}{value[d]:.2f} {'nats' if unit == 'nats' else 'std'}" for d in order]
    facts = [
        view.name,
        f"{part.name} split",
        f"from −{width:g} to {width:g} prior standard deviations"
        if span == "prior"
        else "from the 1st to the 99th percentile of each latent's posterior means",
        "around the prior's mean" if at is None else f"around image {pick.image_label(view, part, at)}",
        pick.told(view, given),
        "nats: mean rate" if unit == "nats" else "std: of the posterior means",
        "" if len(order) == view.latent_dim else f"{len(order)} of {view.latent_dim} latents",
    ]
    title = "Traversal of each latent" if len(order) > 1 else f"Traversal of {pick.latent_name(view, order[0])}"
    if output == "animation":
        ends = [number(v) for v in np.linspace(-width, width, steps)] if span == "prior" else None
        return _animation(view, decoded, ends, names, title, facts, duration_ms)
    if span == "prior":
        heads = thinned([number(v, 1) for v in np.linspace(-width, width, steps)], tile)
    else:
        heads = thinned([f"{p:.0f} %" for p in np.linspace(1, 99, steps)], tile)
        names = [f"{n}{lines}{number(v[0], 1)} … {number(v[-1], 1)}" for n, v in zip(names, values)]
    blocks = [
        Block(images, pick.view_name(view, v), rows=tuple(names) if v == 0 else (), columns=tuple(heads))
        for v, images in enumerate(decoded)
    ]
    return grid_figure(blocks, title=title, facts=facts, largest_tile=1.1)


def _values(view, part, order, span, width, steps) -> np.ndarray:
    """(latents, steps) where each latent goes."""
    if span == "prior":
        return about_the_prior(view, order, width, steps)
    low, high = np.percentile(np.asarray(part.mean)[:, order], [1, 99], axis=0)
    return np.linspace(low, high, steps, axis=1)


def about_the_prior(view, latents, width: float, steps: int) -> np.ndarray:
    """(latents, steps): from -width to width standard deviations of the prior around its mean."""
    mean, std = (np.asarray(a)[latents, None] for a in (view.prior.mean, view.prior.std))
    return mean + std * np.linspace(-width, width, steps)


def codes(base: np.ndarray, latents, values: np.ndarray) -> np.ndarray:
    """(latents, steps, D): `base` (D,) everywhere but in the latent that moves."""
    z = np.tile(np.asarray(base, np.float64), (*values.shape, 1))
    for k, d in enumerate(latents):
        z[k, :, d] = values[k]
    return z


def _animation(view, decoded, ends, names, title, facts, duration_ms):
    n, steps = decoded[0].shape[:2]
    columns = square(n, *decoded[0].shape[2:4], blocks=view.n_views)
    names = [name.replace("\n", "  ") for name in names]
    above = {r: names[r * columns : (r + 1) * columns] for r in range(-(-n // columns))}
    order = there_and_back(list(range(steps)))
    frames = [
        [Block(folded(v[:, k], columns), pick.view_name(view, i), above=above) for i, v in enumerate(decoded)]
        for k in order
    ]
    shares = np.linspace(1, 99, steps)
    captions = [f"each latent at {ends[k]}" if ends else f"each latent at its {shares[k]:.0f} % point" for k in order]
    return Animation(grid_frames(frames, captions, title=title, facts=facts), duration_ms)


def needs(view, *, latents, at, condition, **_):
    """The latents that were chosen, and a condition."""
    pick.needs_given(view, condition, "plots.traversal.condition", own=at is not None)
    if latents is not None:
        pick.checked_latents(view, latents, "plots.traversal.latents")


traversal.needs = needs
