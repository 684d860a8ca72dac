import numpy as np
import pytest
from small_data import load, node

from vaelab.datasets.prepare import declared_shapes
from vaelab.errors import ConfigError


def test_views_of_different_datasets_share_their_class():
    found = load("paired", members=["digits", "npoints", "shapes2d"])
    assert found.shapes == ((8, 8, 1), (1, 4, 1), (32, 32, 1))
    assert declared_shapes(node("paired", members=["digits", "npoints", "shapes2d"])) == found.shapes
    point = found.train.x[1][:, 0, :, 0].argmax(1)
    assert np.array_equal(point, found.train.y) and set(point) == {0, 1, 2}  # the classes all members have
    assert len(found.train) == 5530 and found.train.x[0].shape[0] == 5530  # topped up to the longest view


def test_by_index_keeps_rows():
    digits = load("digits")
    found = load("paired", members=["digits", "digits"], pairing="by_index")
    assert np.array_equal(found.train.x[0], digits.train.x[0]) and np.array_equal(found.train.x[1], digits.train.x[0])
    assert found.class_names == digits.class_names


def test_names_of_both_are_told():
    found = load("paired", members=["npoints", "npoints"])
    assert found.class_names == ("0", "1", "2", "3") and found.enumerated
    mixed = load("paired", members=["digits", "npoints"])
    assert len(mixed.class_names) == 10


def test_pairs_follow_their_own_seed():
    a, b, c = (load("paired", members=["digits", "npoints"], **k) for k in ({}, {"seed": 3}, {"data_seed": 3}))
    assert a.checksum() == b.checksum() != c.checksum()


@pytest.mark.parametrize(
    "settings,says",
    [
        ({"members": ["digits"]}, "at least two"),
        ({"members": ["digits", "mnits"]}, "Did you mean 'mnist'"),
        ({"members": ["digits", "conjoint_synthetic"]}, "has 2 views"),
        ({"members": ["digits", "linear_gaussian"]}, "needs labels"),
        ({"members": ["digits", "image_folder"]}, "dataset.path=FOLDER"),
    ],
)
def test_members_that_cannot_be_paired(settings, says):
    with pytest.raises(ConfigError, match=says):
        load("paired", **settings)
