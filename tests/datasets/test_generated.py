"""Datasets that need no file: digits, points, synthetic views, shapes, linear-Gaussian samples, backgrounds."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from small_data import load, save_image

from vaelab.datasets import linear_gaussian, shapes2d
from vaelab.datasets.mnist_backgrounds import background
from vaelab.errors import ConfigError


def test_digits_are_the_rounded_levels_with_the_last_360_as_test():
    from sklearn.datasets import load_digits

    found, original = load("digits"), load_digits()
    assert (len(found.train), len(found.test)) == (1437, 360) and found.shapes == ((8, 8, 1),)
    x = np.concatenate([found.train.x[0], found.test.x[0]])
    assert np.array_equal(x[..., 0], np.round(original.images * 255 / 16)) and x.max() == 255
    assert np.array_equal(found.test.y, original.target[-360:])


def test_npoints_is_the_identity():
    found = load("npoints", n=5, copies=3)
    assert found.shapes == ((1, 5, 1),) and len(found.train) == 15 and found.enumerated and found.test is found.train
    assert np.array_equal(found.train.x[0][:, 0, :, 0], np.tile(np.eye(5) * 255, (3, 1)))
    assert found.train.y[:5].tolist() == [0, 1, 2, 3, 4] and found.data_kind == "binary"


@pytest.mark.parametrize("pairing,rows", [("by_index", 16), ("by_target", 64)])
def test_conjoint_synthetic_is_complete(pairing, rows):
    found = load("conjoint_synthetic", pairing=pairing, copies=1)
    split = found.train
    assert found.shapes == ((1, 8, 1),) * 2 and len(split) == rows and found.enumerated
    views = [v[:, 0, :, 0] // 255 for v in split.x]
    for v, view in enumerate(views):
        assert (view.sum(1) == 2).all()
        assert np.array_equal(view[:, :4].argmax(1), split.y) and np.array_equal(
            view[:, 4:].argmax(1), split.tags[:, v]
        )
    assert (views[0] == views[1]).all() == (pairing == "by_index")
    assert len(np.unique(np.concatenate(views, axis=1), axis=0)) == rows
    by_class = [split.tags[split.y == k] for k in range(4)]
    assert all(len(t) == rows // 4 for t in by_class)


def test_conjoint_synthetic_with_more_views():
    found = load("conjoint_synthetic", n=3, n_views=3, copies=2)
    assert found.shapes == ((1, 6, 1),) * 3 and len(found.train) == 2 * 81 and found.train.tags.shape == (162, 3)
    with pytest.raises(ConfigError, match="at most"):
        load("conjoint_synthetic", n=10, n_views=7)


def test_shapes2d_has_every_combination_once_and_no_two_alike():
    found = load("shapes2d")
    x = np.concatenate([found.train.x[0], found.test.x[0]])
    factors = np.concatenate([found.train.factors, found.test.factors])
    assert len(x) == np.prod(found.factor_sizes) == 6144
    assert len(np.unique(factors, axis=0)) == len(np.unique(x.reshape(len(x), -1), axis=0)) == 6144
    assert found.data_kind == "binary" and set(np.unique(x)) == {0, 255}
    assert np.array_equal(np.concatenate([found.train.y, found.test.y]), factors[:, 0])


def test_shapes2d_factors_do_what_they_are_called():
    sizes = (3, 4, 8, 8, 8)

    def area_and_centre(*values):
        image = shapes2d.draw(values, sizes, 64) > 0
        return image.sum(), np.argwhere(image).mean(0)

    for shape in range(3):
        areas = [area_and_centre(shape, s, 0, 4, 4)[0] for s in range(4)]
        assert (np.diff(areas) > 0).all()
        rows = [area_and_centre(shape, 3, 0, 4, y)[1][0] for y in range(8)]
        columns = [area_and_centre(shape, 3, 0, x, 4)[1][1] for x in range(8)]
        assert (np.diff(rows) > 2).all() and (np.diff(columns) > 2).all()
        turned = [area_and_centre(shape, 3, r, 4, 4)[0] for r in range(8)]
        assert np.ptp(turned) < 0.1 * max(turned)
    whole = shapes2d.draw((0, 3, 4, 7, 7), sizes, 32)
    assert whole[-1].max() == whole[:, -1].max() == 0  # nothing is cut off at the edge


def test_linear_gaussian_has_the_moments_and_the_density_it_says():
    found = load("linear_gaussian", n_train=40_000, n_test=1000)
    W, b = linear_gaussian.parameters(8, 2, 0)
    covariance = W @ W.T + 0.25 * np.eye(8)
    x = found.train.x[0].reshape(-1, 8)
    assert found.shapes == ((1, 8, 1),) and found.data_kind == "real" and x.dtype == np.float32
    assert np.abs(x.mean(0) - b).max() < 0.05 and np.abs(np.cov(x.T) - covariance).max() < 0.1
    test = found.test.x[0]
    exact = multivariate_normal(b, covariance).logpdf(test.reshape(-1, 8).astype(float))
    assert np.allclose(linear_gaussian.log_marginal(test, W, b, 0.5), exact)


def test_linear_gaussian_follows_its_own_seed():
    a, b, c = load("linear_gaussian"), load("linear_gaussian", seed=4), load("linear_gaussian", data_seed=4)
    assert a.checksum() == b.checksum() != c.checksum()


def test_backgrounds_are_the_published_ones():
    rows, columns = np.mgrid[:28, :28]
    assert np.array_equal(background("horizontal", (28, 28)), np.where(rows % 2 == 0, 255, 0))
    assert np.array_equal(background("vertical", (28, 28)), np.where(columns % 2 == 0, 255, 0))
    assert np.array_equal(background("checkerboard", (28, 28)), np.where((rows + columns) % 2 == 0, 255, 0))
    assert not background("blank", (28, 28)).any()
    u = np.arange(-14, 14) * 8 * np.pi / 28
    for i, j in ((0, 0), (3, 20), (27, 1), (14, 9)):
        channels = np.sin(u[i] * u[j] * u[j]), np.cos(u[j]) * np.cos(u[i] * u[j]), np.cos(u[i] * u[j] + np.pi)
        red, green, blue = (int(np.clip(c * 128 + 127, 0, 255)) for c in channels)
        assert background("mosaic", (28, 28))[i, j] == round(0.2125 * red + 0.7154 * green + 0.0721 * blue)
    assert np.array_equal(background("trippy", (28, 28)), background("mosaic", (28, 28)))


def backgrounds(**changes):
    return load("mnist_backgrounds", base="digits", **changes)


def test_the_digit_covers_the_background():
    plain, found = load("digits"), backgrounds(views=["horizontal", "blank", "checkerboard"])
    digit = plain.train.x[0]
    assert np.array_equal(found.train.x[1], digit) and np.array_equal(found.train.y, plain.train.y)
    for v, style in ((0, "horizontal"), (2, "checkerboard")):
        expected = np.where(digit == 0, background(style, (8, 8))[..., None], digit)
        assert np.array_equal(found.train.x[v], expected)
    assert found.tag_names == ("horizontal", "blank", "checkerboard") and found.train.tags[0].tolist() == [0, 1, 2]


def test_mixtures_are_half_and_half_and_tagged():
    found = backgrounds(views=["horizontal_mosaic", "stripy"])
    counts = np.bincount(found.train.tags[:, 0]) / len(found.train)
    assert np.abs(counts[:2] - 0.5).max() < 0.05
    assert {found.tag_names[t] for t in found.train.tags[:, 1]} == {"horizontal", "vertical", "checkerboard"}
    row = int(np.flatnonzero(found.train.tags[:, 1] == found.tag_names.index("vertical"))[0])
    digit = load("digits").train.x[0][row]
    assert np.array_equal(found.train.x[1][row], np.where(digit == 0, background("vertical", (8, 8))[..., None], digit))


def test_by_target_pairs_other_images_of_the_same_digit():
    found = backgrounds(views=["blank", "blank"], pairing="by_target")
    same = (found.train.x[0] == found.train.x[1]).all(axis=(1, 2, 3)).mean()
    assert same < 0.05
    known = {x.tobytes(): y for x, y in zip(load("digits").train.x[0], load("digits").train.y)}
    assert [known[x.tobytes()] for x in found.train.x[1]] == found.train.y.tolist()


def test_a_texture_of_ones_own(tmp_path):
    path = tmp_path / "wood.png"
    save_image(path, size=(8, 8), mode="L")
    found = backgrounds(views=[str(path), "blank"])
    assert found.tag_names[0] == str(path)
    empty = load("digits").train.x[0] == 0
    assert np.array_equal(found.train.x[0][0][empty[0]], background(str(path), (8, 8))[..., None][empty[0]])


def test_backgrounds_that_are_none():
    with pytest.raises(ConfigError, match="Did you mean 'mosaic'"):
        backgrounds(views=["mosaik", "blank"])
    with pytest.raises(ConfigError, match="There are: horizontal"):
        backgrounds(views=["xyz"])
    with pytest.raises(ConfigError, match="no image"):
        backgrounds(views=["absent.png"])
    with pytest.raises(ConfigError, match="at least one style"):
        backgrounds(views=[])


def test_backgrounds_follow_their_own_seed():
    a, b, c = backgrounds(), backgrounds(seed=4), backgrounds(data_seed=4)
    assert a.checksum() == b.checksum() != c.checksum()


@pytest.mark.slow
@pytest.mark.parametrize("base", ["mnist", "fashionmnist"])
def test_backgrounds_on_the_real_bases(shared_data, base):
    found = load("mnist_backgrounds", base=base, data_dir=shared_data)
    assert found.shapes == ((28, 28, 1),) * 2 and len(found.train) == 60_000
