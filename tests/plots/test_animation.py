"""GIFs."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vaelab.plots.animation import Animation, there_and_back


def test_saves_frames_with_their_duration(tmp_path):
    frames = [np.full((20, 30, 3), 255, np.uint8) for _ in range(3)]
    for k, frame in enumerate(frames):
        frame[5:10, 5:10] = 40 * k
    Animation(frames, 120).save(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as found:
        assert found.n_frames == 3 and found.size == (30, 20)
        assert found.info["duration"] == 120 and found.info["loop"] == 0
        found.seek(2)
        pixels = np.asarray(found.convert("RGB"))
    assert (pixels[0, 0] == 255).all(), "the page stays white"
    assert abs(int(pixels[7, 7, 0]) - 80) <= 4


def test_takes_figures(tmp_path):
    figures = [Figure(figsize=(2, 1), dpi=50) for _ in range(2)]
    animation = Animation(figures, 100)
    assert [a.shape for a in animation.arrays()] == [(50, 100, 3)] * 2
    animation.save(tmp_path / "b.gif")


def test_there_and_back_repeats_neither_end():
    assert there_and_back([0, 1, 2, 3]) == [0, 1, 2, 3, 2, 1]
    assert there_and_back([0]) == [0] and there_and_back([0, 1]) == [0, 1]
