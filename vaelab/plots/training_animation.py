"""What the model makes of the same codes and images after each epoch."""

from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt
from vaelab.errors import NotApplicable
from vaelab.plots import choose as pick
from vaelab.plots import points
from vaelab.plots.animation import Animation, rendered
from vaelab.plots.grid import Block, folded, grid_frames, square
from vaelab.plots.style import MARGIN, NARROW, TEXT, Page, count

INSIDE = (1.0, 99.0)  # percentiles of a frame's codes that the axes of every frame hold


def training_animation(
    view,
    *,
    show: Literal["samples", "reconstructions", "codes"],
    every: PositiveInt,
    dims: list[int] | None,
    duration_ms: PositiveInt,
    hold: PositiveInt,
):
    """A GIF over the epochs of the training, from the untrained model (epoch 0) to the last one.

    Reads `view.frames()`, [(epoch, arrays)] that training kept because this plot was chosen: decoder means of the same
    draws from the prior, reconstructions of the same test images, and posterior means of the same test images.

    Args:
        show: samples, reconstructions below their originals, or codes as points.
        every: epochs between frames; training keeps those, and the last one.
        dims: the two latents of `codes`; None for the two that vary most in the end.
        duration_ms: of a frame.
        hold: times the last frame is shown.
    Returns:
        Animation.

    Raises:
        ConfigError: the run kept no frames.
    """
    kept = needs(view, show=show, dims=dims)
    frames = [(epoch, arrays) for epoch, arrays in kept if epoch % every == 0 or epoch == kept[-1][0]]
    draw = {"samples": _samples, "reconstructions": _reconstructions, "codes": _codes}[show]
    shown = draw(view, frames, dims) if show == "codes" else draw(view, frames)
    return Animation(shown + [shown[-1]] * (hold - 1), duration_ms)


def needs(view, *, show, dims, **_) -> list:
    """Frames, which are returned; for codes two latents."""
    kept = view.frames()
    if not kept:
        raise NotApplicable(
            "training_animation needs frames that training keeps when this plot is chosen, and this run kept none: "
            "train with plot=[training_animation]."
        )
    if show == "codes":
        if view.latent_dim < 2:
            raise NotApplicable("training_animation: show=codes needs two latents; this run has one. Use show=samples.")
        if dims is not None:
            pick.checked_latents(view, dims, "plots.training_animation.dims", 2)
    return kept


training_animation.reads_frames, training_animation.needs = True, needs


def _captions(frames) -> list[str]:
    return [f"epoch {epoch}" for epoch, _ in frames]


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(255)


def _samples(view, frames) -> list[np.ndarray]:
    def blocks(arrays):
        shown = [_unit(arrays[f"samples_{v}"]) for v in range(view.n_views)]
        columns = square(len(shown[0]), *shown[0].shape[1:3], blocks=view.n_views, tile=1.2)
        return [Block(folded(images, columns), pick.view_name(view, v)) for v, images in enumerate(shown)]

    return grid_frames(
        [blocks(arrays) for _, arrays in frames], _captions(frames), title="Samples during training",
        facts=[view.name, "decoder means of the same draws from the prior"],
    )  # fmt: skip


def _reconstructions(view, frames) -> list[np.ndarray]:
    def blocks(arrays):
        found = []
        for v, images in enumerate(view.split("test").images(arrays["rows"])):
            columns = 6 if view.n_views == 1 else 3
            pair = np.stack([folded(images, columns), folded(_unit(arrays[f"reconstructions_{v}"]), columns)], axis=1)
            rows = pair.reshape(-1, *pair.shape[2:])  # original, reconstruction, original, ...
            words = ("original", "at the mean") * (len(rows) // 2) if v == 0 else ()
            found.append(Block(rows, pick.view_name(view, v), rows=words, gap_before=tuple(range(2, len(rows), 2))))
        return found

    return grid_frames(
        [blocks(arrays) for _, arrays in frames], _captions(frames), title="Reconstructions during training",
        facts=[view.name, pick.split_facts(view, view.split("test"), len(frames[0][1]["rows"]))],
    )  # fmt: skip


def _codes(view, frames, dims) -> list[np.ndarray]:
    last = frames[-1][1]["codes"]
    if dims is None:
        dims = sorted(int(d) for d in np.argsort(-last.var(axis=0))[:2])
    dims = pick.checked_latents(view, dims, "plots.training_codes.dims", 2)
    test, rows = view.split("test"), frames[0][1]["code_rows"]
    colours = points.colouring(view, test, rows, "auto", "plots.training_codes.color")
    side, below, present = points.legend_space(colours, NARROW)
    ends = np.array([np.percentile(arrays["codes"][:, dims], INSIDE, axis=0) for _, arrays in frames])
    inside = np.concatenate([ends.min(axis=(0, 1))[None], ends.max(axis=(0, 1))[None]])
    height, foot, ellipses = 5.2, 0.4, points.prior_ellipses(view, dims)
    facts = [view.name, f"posterior means, test split, {count(len(rows), len(test))}", "circles: prior, 1σ and 2σ"]
    shown = []
    for caption, (_, arrays) in zip(_captions(frames), frames):
        page = Page("Codes during training", facts, height + below + foot, width=NARROW)
        ax = page.axes(0.75, below + foot + 0.6, NARROW - 0.75 - side - MARGIN, height - 0.7)
        points.draw_ellipses(ax, ellipses)
        points.draw_points(ax, arrays["codes"][:, dims], colours)
        points.frame(ax, inside, [pick.latent_name(view, d) for d in dims], ticks=True, circles=ellipses)
        points.draw_labels(ax, arrays["codes"][:, dims], colours, present)
        points.draw_legend(page, colours, present, NARROW - side - MARGIN + 0.2, below + foot + height - 0.1, below)
        page.text(caption, NARROW / 2, 0.2, size=TEXT + 1, ha="center")
        shown.append(rendered(page.figure))
    return shown
