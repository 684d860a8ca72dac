"""Every option of the group condition keeps the contract on a dataset that has everything, and says what it lacks."""

import numpy as np
import pytest
import yaml

from vaelab.conditions import columns
from vaelab.config import locate, parts
from vaelab.contracts import Condition, check, optional
from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError, DataError

OPTIONS = locate.options("condition")


def made(option, **settings):
    content = yaml.safe_load((locate.conf_dir() / "condition" / f"{option}.yaml").read_text(encoding="utf-8"))
    return parts.part({**content, **settings}, "condition")


def split(n, seed, **changes):
    rng = np.random.default_rng(seed)
    known = {
        "y": rng.integers(3, size=n), "factors": rng.integers(2, size=(n, 2)), "tags": rng.integers(4, size=(n, 1)),
        "covariates": rng.normal(5.0, 3.0, size=(n, 2)).astype(np.float32),
    }  # fmt: skip
    return Split((rng.integers(256, size=(n, 4, 4, 1), dtype=np.uint8),), **{**known, **changes})


def dataset(**changes):
    names = {
        "class_names": ("a", "b", "c"), "factor_names": ("shape", "size"), "factor_sizes": (2, 2),
        "tag_names": ("w", "x", "y", "z"), "covariate_names": ("age", "dose"),
    }  # fmt: skip
    return Dataset("own", **{"train": split(40, 0), "test": split(10, 1), **names, **changes})


def applied(part, data, known=None):
    return columns.applied(part, optional(part, Condition, "option"), data, known)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_image_gets_a_condition(option):
    part, data = made(option), dataset()
    check(part, Condition, option)
    found = applied(part, data)
    if option == "none":
        assert found is data and not optional(part, Condition, "conditional")
        return
    assert found.condition.option == option and found.facts.condition_dim == found.condition.dim > 0
    for part_of in (found.train, found.test):
        (c,) = part_of.given
        assert c.shape == (len(part_of), found.condition.dim) and c.dtype == np.float32 and np.isfinite(c).all()
        assert len(part_of.inputs) == 2
        np.testing.assert_array_equal(part_of.take(slice(2, 5)).given[0], c[2:5])
    words = found.condition.told(found.test.given[0])  # a user can say each of them
    assert len(words) == len(found.test) and found.checksum() == data.checksum()


@pytest.mark.parametrize("option", [o for o in OPTIONS if o != "none"])
def test_what_the_data_lack_is_told(option):
    bare = dict.fromkeys(("class_names", "factor_names", "tag_names", "covariate_names"), ())
    nothing = dict.fromkeys(("y", "factors", "tags", "covariates"))
    with pytest.raises(ConfigError, match=f"condition={option} needs .*dataset=own has none"):
        applied(made(option), dataset(train=split(40, 0, **nothing), test=split(10, 1, **nothing), **bare))
    with pytest.raises(DataError, match="the test split of dataset=own has nothing to tell it by"):
        applied(made(option), dataset(test=split(10, 1, **nothing)))


def test_a_class_that_is_missing_for_some_images():
    y = np.array([0, 1, -1, 2, -1])
    with pytest.raises(DataError, match=r"class of image 2 of the test split is -1.*2 images lack it"):
        applied(made("label"), dataset(test=split(5, 1, y=y)))


def test_numbers_of_the_training_images_hold_for_all_and_later():
    data = dataset()
    found = applied(made("array"), data)
    np.testing.assert_allclose(found.train.given[0].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.train.given[0].std(axis=0), 1, atol=1e-5)
    other = dataset(train=split(40, 7))
    again = applied(made("array"), other, found.condition.plain())
    np.testing.assert_array_equal(again.test.given[0], found.test.given[0])
    assert not np.array_equal(applied(made("array"), other).test.given[0], found.test.given[0])


@pytest.mark.parametrize(
    "option,settings,dim",
    [
        ("factors", {"names": ["size"]}, 2),
        ("factors", {"encode": "number"}, 2),
        ("array", {"names": ["dose"], "standardize": False}, 1),
    ],
)
def test_some_of_what_is_there(option, settings, dim):
    data = dataset()
    found = applied(made(option, **settings), data)
    assert found.condition.dim == dim
    if "standardize" in settings:
        np.testing.assert_array_equal(found.test.given[0][:, 0], data.test.covariates[:, 1])


@pytest.mark.parametrize("option", ["factors", "array"])
def test_names_that_are_not_there(option):
    with pytest.raises(ConfigError, match=r"condition\.names: there is no 'colour' here\. There are"):
        applied(made(option, names=["colour"]), dataset())
    with pytest.raises(ConfigError, match=r"condition\.names: expected different names"):
        applied(made(option, names=[]), dataset())


def test_equal_splits_stay_one():
    one = split(9, 3)
    found = applied(made("label"), dataset(train=one, test=one, validation=one))
    assert found.train is found.test is found.validation
