"""Grids show exactly the pixels they are given."""

import numpy as np
import pytest

from vaelab.plots import grid
from vaelab.plots.animation import rendered
from vaelab.plots.grid import Block
from vaelab.plots.style import laid_out


def tiles(shape, rows=2, columns=3, seed=0):
    return np.random.default_rng(seed).random((rows, columns, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (8, 20, 1)])
def test_every_source_pixel_is_a_whole_square_of_the_picture(shape):
    images = tiles(shape)
    page, (spot,) = grid.place_grid([Block(images)], title="t", facts=["f"])
    picture = rendered(page.figure)
    height = picture.shape[0]
    for r in range(2):
        for c in range(3):
            left, bottom = round(spot.lefts[c] * page.dpi), round(spot.bottoms[r] * page.dpi)
            wide, high = round(spot.width * page.dpi), round(spot.height * page.dpi)
            times = high // shape[0]
            assert high == times * shape[0] and wide == times * shape[1]
            seen = picture[height - bottom - high : height - bottom, left : left + wide]
            assert np.array_equal(seen, grid.enlarged(grid.to_rgb(images[r, c]), high, wide))


def test_grey_range_is_fixed_and_values_outside_are_clipped():
    image = np.array([[[-1.0], [0.0]], [[0.5], [7.0]]], np.float32)
    assert grid.to_rgb(image)[..., 0].tolist() == [[0, 0], [128, 255]]


def test_tiles_without_a_gap_touch():
    page, _ = grid.place_grid([Block(np.zeros((2, 2, 8, 8, 1), np.float32))], title="t", facts=[], gap=0.0)
    image = page.figure.axes[0].images[0].get_array()
    assert not image[1:-1, 1:-1].any()


def test_empty_tiles_stay_white_and_bright_tiles_get_an_outline():
    images = np.ones((1, 2, 8, 8, 1), np.float32)
    images[0, 1] = np.nan
    page, (spot,) = grid.place_grid([Block(images)], title="t", facts=[])
    shown = np.asarray(page.figure.axes[0].images[0].get_array())
    assert (shown[:, -10:] == 255).all()
    assert (shown[0, 1:-1][: round(spot.width * page.dpi)] == grid.OUTLINE).all()


def test_folded_and_square():
    images = np.arange(7.0).reshape(7, 1, 1, 1)
    found = grid.folded(images, 3)
    assert found.shape == (3, 3, 1, 1, 1)
    assert found[1, 2, 0, 0, 0] == 5 and np.isnan(found[2, 1]).all()
    assert grid.square(64, tile=1.2) == 8 and grid.square(10) == 5 and grid.square(1) == 1


def test_joined_puts_tiles_where_they_belong():
    images = tiles((2, 3, 1))
    assert grid.tiled(images).shape == (4, 9, 1)
    assert np.array_equal(grid.tiled(images)[2:4, 3:6], images[1, 1])


def test_views_of_different_shape_share_a_block():
    grey, colour = grid.same_shape([np.ones((2, 8, 8, 1)), np.zeros((2, 16, 16, 3))])
    assert grey.shape == colour.shape == (2, 16, 16, 3)
    assert grey.min() == 1.0


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert grid.number(-1.5) == "−1.50" and grid.number(-0.001) == "0.00"


@pytest.mark.parametrize("dpi,width", [(300, "paper"), (None, "slide"), (50, "paper")])
def test_pixels_stay_whole_at_the_resolution_and_width_that_are_asked_for(dpi, width):
    with laid_out(dpi=dpi, width=width):
        page, (spot,) = grid.place_grid([Block(tiles((28, 28, 1), 4, 8))], title="t", facts=["f"])
    assert page.dpi >= (dpi or 200) and page.width == pytest.approx(7.5 if width == "slide" else 10.0, abs=0.4)
    assert round(spot.width * page.dpi) % 28 == 0
    assert rendered(page.figure).shape[1] == round(page.width * page.dpi)


def test_a_page_with_few_tiles_is_as_narrow_as_they_need():
    widths = [
        grid.place_grid([Block(tiles((28, 28, 1), 1, n))], title="t", facts=[], largest_tile=1.0)[0].width
        for n in (1, 6, 30)
    ]
    assert widths[0] == grid.NARROWEST and widths[1] == pytest.approx(6.6, abs=0.1) and 9.9 < widths[2] <= 10


def test_a_vector_is_drawn_as_bars_as_high_as_its_values():
    vector = np.array([0.0, 0.5, 1.0, 7.0], np.float32).reshape(1, 4, 1)
    picture = grid.as_picture(vector)
    assert picture.shape[:2] == grid.picture_size(1, 4) and abs(picture.shape[0] / picture.shape[1] - 2 / 3) < 0.02
    filled = (picture[:-1] == np.float32(grid.BAR)).all(axis=-1)  # without the floor
    thick = (filled.any(axis=0).sum()) // 3
    heights = filled.sum(axis=0).reshape(-1)[1:].reshape(4, -1).max(axis=1) / picture.shape[0]
    assert np.allclose(heights, [0, 0.5, 1, 1], atol=0.05) and thick > 3
    assert grid.as_picture(np.ones((2, 4, 1))).shape == (2, 4, 1)
    wide = np.linspace(0, 1, 784).reshape(1, 784, 1)
    assert grid.as_picture(wide).shape == (*grid.picture_size(1, 784), 3)


def test_gutters_part_tiles_that_make_one_picture():
    images = tiles((2, 3, 1))
    parted = grid.tiled(images, gutter=1)
    assert parted.shape == (5, 11, 1) and np.isnan(parted[2]).all() and np.isnan(parted[:, [3, 7]]).all()
    assert np.array_equal(parted[3:, 4:7], images[1, 1])
