"""How images are drawn, measured on images whose pen, box and centre are known."""

import numpy as np
import pytest

from vaelab.explorer.drawing import drawing


def bars(width, n=40, side=28, seed=0, ground=0.0):
    """Vertical bars of one width, 20 pixels high, somewhere."""
    rng = np.random.default_rng(seed)
    x = np.full((n, side, side, 1), ground, np.float32)
    for picture, left in zip(x, rng.integers(1, side - width - 1, n)):
        picture[4:24, left : left + width] = 1 - ground
    return x


@pytest.mark.parametrize("width", [2, 3, 4])
def test_the_pen_is_as_wide_as_the_strokes(width):
    assert drawing(bars(width))["pen"] == pytest.approx(width, rel=0.2)  # it has ends, too


def test_ink_is_what_the_ground_is_not():
    assert drawing(bars(3))["ground"] == 0 and drawing(bars(3))["ink"] == 1
    dark_on_white = drawing(bars(3, ground=1.0))
    assert (
        dark_on_white["ground"] == 1
        and dark_on_white["ink"] == 0
        and dark_on_white["pen"] == pytest.approx(3, rel=0.15)
    )


def test_a_box_and_a_centre_only_where_the_images_keep_to_one():
    found = drawing(bars(3))
    assert found["box"] == 20 and found["centre"] is None  # anywhere from left to right
    middle = np.zeros((20, 28, 28, 1), np.float32)
    for k, picture in enumerate(middle):  # centred, of any size
        picture[14 - 2 - k % 9 : 14 + 2 + k % 9, 12:16] = 1
    found = drawing(middle)
    assert found["box"] is None and found["centre"] == pytest.approx([13.5, 13.5])


def test_photographs_have_no_rule():
    found = drawing(np.random.default_rng(0).random((20, 32, 32, 3)))
    assert found["box"] is None and found["centre"] is None and found["pen"] == pytest.approx(32 / 14)


def test_empty_images_are_no_drawing():
    assert drawing(np.zeros((5, 8, 8, 1)))["box"] is None
