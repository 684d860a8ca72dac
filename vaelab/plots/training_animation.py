"""The same latent vectors decoded after each epoch."""

from vaelab.config.types import PositiveInt
from vaelab.errors import ConfigError
from vaelab.plots import choose as pick
from vaelab.plots.animation import Animation
from vaelab.plots.grid import Block, folded, grid_frames, square


def training_animation(view, *, duration_ms: PositiveInt, hold: PositiveInt):
    """A GIF of samples as they become images during training.

    Reads `view.training_samples`: a list of (epoch, images), images (N, H, W, C) in [0, 1] or a tuple of views, of
    the same N latent vectors each time.

    Args:
        duration_ms: of a frame.
        hold: times the last frame is shown.
    Returns:
        Animation.

    Raises:
        ConfigError: the run kept no such samples.
    """
    samples = getattr(view, "training_samples", None)
    if not samples:
        error = ConfigError("training_animation needs samples kept during training; this run kept none.")
        error.quiet = True
        raise error
    epochs = [epoch for epoch, _ in samples]
    frames = []
    for _, images in samples:
        views = pick.views(images)
        columns = square(len(views[0]), *views[0].shape[1:3], blocks=len(views), tile=1.2)
        frames.append([Block(folded(v, columns), pick.view_name(view, k)) for k, v in enumerate(views)])
    captions = [f"epoch {epoch:g}" for epoch in epochs]
    order = list(range(len(frames))) + [len(frames) - 1] * (hold - 1)
    shown = grid_frames(
        [frames[k] for k in order], [captions[k] for k in order], title="Samples during training",
        facts=[view.name, "decoder means of the same latent vectors"],
    )  # fmt: skip
    return Animation(shown, duration_ms)
