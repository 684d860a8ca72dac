"""Background transfer: who is kept, what is fed back, and what backgrounds are."""

import numpy as np
import pytest
from fake_view import Spots, spots

from vaelab.errors import ConfigError
from vaelab.view import transfer


def two_views(**more):
    return spots(latent_dim=6, shape=(8, 8, 1), n_views=2, **more)


def test_a_background_is_what_lies_behind_the_digits():
    rng = np.random.default_rng(0)
    pattern = rng.random((8, 8, 1)).astype(np.float32)
    images = np.repeat(pattern[None], 60, axis=0)
    for image in images:  # a digit of any brightness somewhere covers a quarter
        i, j = rng.integers(5, size=2)
        image[i : i + 4, j : j + 4] = rng.random((4, 4, 1))
    found, share = transfer._commonest(images)
    assert found.shape == share.shape == (8, 8, 1) and np.abs(found - pattern).max() <= 0.5 / 255 + 1e-6
    assert share[0, 0] > share[4, 4] > 0.3


def test_known_patterns_are_taken_where_digits_cover_the_middle_in_most_images():
    from vaelab.datasets.mnist_backgrounds import background

    rng = np.random.default_rng(0)
    tags = np.arange(80)[:, None] % 2
    x = np.stack([background(("vertical", "blank")[t], (8, 8)) for t in tags[:, 0]])[..., None].copy()
    x[:, 2:6, 2:6] = rng.choice([200, 255], size=(80, 4, 4, 1))  # always covered
    view = Spots((x, x), np.zeros(80, int), latent_dim=3, tags=np.repeat(tags, 2, axis=1),
                    tag_names=("vertical", "blank"))  # fmt: skip
    found = transfer.backgrounds(view, 1, "x")
    assert np.array_equal(found.images[0, :, :, 0], background("vertical", (8, 8)) / np.float32(255))
    assert not found.images[1].any()
    view.tag_names = ("blank", "vertical")  # the images disagree
    assert np.array_equal(transfer.backgrounds(view, 1, "x").images[0, 0, :, 0], found.images[0, 0, :, 0])


def test_the_source_is_kept_and_the_result_is_fed_back():
    view, who = two_views(), transfer.Roles(0, 1)
    source, start = view.split("test").images(np.arange(3))[0], np.zeros((3, 8, 8, 1), np.float32)
    seen, codes = transfer.iterate(view, source, start, 2, who)
    assert seen.shape == (3, 3, 8, 8, 1) and codes.shape == (3, 3, 6)
    assert np.array_equal(seen[0], start)
    target = start
    for k in range(3):
        code = view.encode((source, target))[0]
        assert np.allclose(codes[k], code, atol=1e-5) and np.allclose(seen[k], target, atol=1e-5)
        target = view.decode(code)[1]


@pytest.mark.slow
def test_either_view_may_be_the_source():
    view = two_views()
    target, source = view.split("test").images(np.arange(2))
    seen, codes = transfer.iterate(view, source, target, 1, transfer.roles(view, 2, "x"))
    assert np.allclose(codes[0], view.encode((target, source))[0], atol=1e-5)
    assert np.allclose(seen[1], view.decode(codes[0])[0], atol=1e-5)


@pytest.mark.slow
def test_splicing_takes_shared_from_one_pair_and_private_from_another():
    view = two_views()
    part = view.split("test")
    a, b = part.images(np.array([3])), part.images(np.array([9]))
    z = part.mean[9].copy()
    z[view.parts["shared"]] = part.mean[3][view.parts["shared"]]
    made = transfer.splice(view, a, b, transfer.Roles(0, 1))
    assert np.allclose(made, view.decode(z[None])[1], atol=1e-5)


def test_starts_take_turns_and_donors_have_the_same_backgrounds():
    view, who = two_views(), transfer.Roles(0, 1)
    images, tags = transfer.starts(view, 5, who, "backgrounds", "x")
    assert list(tags) == [0, 1, 0, 1, 0] and np.array_equal(images[0], images[2])
    rows = transfer.donors(view, "test", 5, who, np.random.default_rng(0))
    assert list(view.split("test").tags[rows, 1]) == [0, 1, 0, 1, 0]
    zeros, tags = transfer.starts(view, 2, who, "zeros", "x")
    assert zeros.shape == (2, 8, 8, 1) and not zeros.any() and list(tags) == [-1, -1]


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"two views.*this run has 1 view\."):
        transfer.roles(spots(shape=(8, 8, 1)), 1, "plots.background_transfer")
    with pytest.raises(ConfigError, match=r"two views.*this run has 3 views"):
        transfer.roles(spots(latent_dim=8, shape=(8, 8, 1), n_views=3), 1, "plots.background_transfer")
    with pytest.raises(ConfigError, match=r"has none\. Use x\.start=zeros"):
        transfer.starts(two_views(tags=None), 2, transfer.Roles(0, 1), "backgrounds", "x")
    with pytest.raises(ConfigError, match=r"there is no file 'no\.png'"):
        transfer.read_images(["no.png"], (8, 8, 1), "x.sources")
    (tmp_path / "bad.png").write_text("no image")
    with pytest.raises(ConfigError, match="cannot be read as an image"):
        transfer.read_images([tmp_path / "bad.png"], (8, 8, 1), "x.sources")


def test_image_files_take_the_shape_of_the_data(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((40, 20, 3), 51, np.uint8)).save(tmp_path / "a.png")
    found = transfer.read_images([tmp_path / "a.png"] * 2, (8, 8, 1), "x.sources")
    assert found.shape == (2, 8, 8, 1) and found.dtype == np.float32 and np.allclose(found, 0.2, atol=0.01)
