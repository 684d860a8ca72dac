"""GIFs over the epochs of a training show the frames that were kept."""

import numpy as np
import pytest
from fake_view import spots
from support import rest_slow

from vaelab.errors import ConfigError, NotApplicable
from vaelab.plots.training_animation import training_animation

USUAL = {"every": 1, "dims": None, "duration_ms": 100, "hold": 3}


def framed(epochs, **kwargs):
    """A view that kept frames: samples that brighten from epoch to epoch, codes that spread."""
    view = spots(shape=(8, 8, 1), **kwargs)
    rows = np.arange(12)
    codes = view.split("test").mean[rows]
    grey = lambda level: np.full((6, 8, 8, 1), level, np.uint8)  # noqa: E731
    arrays = {"codes": codes, "code_rows": rows, "rows": rows[:6]}
    frames = [
        (e, {**arrays, "codes": e * codes, "samples_0": grey(20 * e), "reconstructions_0": grey(20 * e)})
        for e in epochs
    ]
    return spots(shape=(8, 8, 1), frames=frames, **kwargs)


@pytest.mark.parametrize("show", rest_slow(["codes", "samples", "reconstructions"], 1))
@pytest.mark.parametrize("every", rest_slow([2, 1, 5, 10], 1))
def test_every_so_many_epochs_and_the_last_one(show, every):
    """Epochs 0 to 5: every second one is 0, 2, 4 and the last."""
    shown = {1: 6, 2: 4, 5: 2, 10: 2}[every]
    animation = training_animation(framed(range(6)), **{**USUAL, "show": show, "every": every})
    frames = animation.arrays()
    assert len(frames) == shown + 2, "the last one is held"
    assert all(np.array_equal(frames[-1], f) for f in frames[-3:]) and not np.array_equal(frames[0], frames[1])


def test_the_pixels_are_those_that_were_kept():
    first, *_, last = training_animation(framed([0, 3, 10]), show="samples", **USUAL).arrays()
    of = lambda frame, level: np.mean((frame == level).all(axis=2))  # noqa: E731
    assert of(first, 0) > 0.15 and of(first, 200) < 0.01, "epoch 0 is black"
    assert of(last, 200) > 0.15 and of(last, 0) < 0.01, "epoch 10 is as bright as its frame"


def test_codes_of_three_latents_are_shown_in_the_two_that_vary_most():
    view = framed(range(3), latent_dim=3)
    spread = view.frames()[-1][1]["codes"].var(axis=0)
    best = sorted(np.argsort(-spread)[:2].tolist())
    chosen = training_animation(view, **{**USUAL, "show": "codes", "dims": best}).arrays()
    assert all(np.array_equal(a, b) for a, b in zip(chosen, training_animation(view, show="codes", **USUAL).arrays()))
    with pytest.raises(ConfigError, match="latents 0 to 2"):
        training_animation(view, **{**USUAL, "show": "codes", "dims": [0, 3]})


def test_a_run_without_frames_says_how_to_get_them():
    view = spots(shape=(8, 8, 1))
    for show in ("samples", "codes"):
        with pytest.raises(NotApplicable, match=r"kept none: train with plot=\[training_animation\]"):
            training_animation(view, show=show, **USUAL)
