"""Numbers of what is known of images, and back: rows, words, sentences."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelab.conditions.columns import Columns, Field, of_foreign
from vaelab.conditions.label import Label
from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError, DataError

FASHION = Columns("label", [Field("class", ("T-shirt/top", "Sneaker", "Bag", "2"))])
MIXED = Columns("factors", [Field("shape", ("0", "1", "2")), Field("age", (), 50.0, 4.0)])


def test_choices_are_one_hot_and_numbers_standardised():
    np.testing.assert_array_equal(FASHION.rows([[2], [0]], "x"), [[0, 0, 1, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(MIXED.rows([[1, 54], [0, 50]], "x"), [[0, 1, 0, 1], [1, 0, 0, 0]])
    assert FASHION.dim == 4 and MIXED.dim == 4 and MIXED.rows([[1, 54]], "x").dtype == np.float32


@pytest.mark.parametrize("value", [-1, 4, 0.5, np.nan])
def test_an_image_without_a_known_class_is_named(value):
    with pytest.raises(DataError, match=r"class of image 1 of the train split is .*expected one of 0 to 3; 1 images"):
        FASHION.rows([[0], [value], [3]], "the train split")


@pytest.mark.parametrize(
    "columns,typed,wanted",
    [
        (FASHION, "sneaker", [[1]]),
        (FASHION, 1, [[1]]),
        (FASHION, 2, [[3]]),  # a name wins over a number
        (FASHION, ["bag", 0], [[2], [0]]),
        (FASHION, {"class": "Bag"}, [[2]]),
        (FASHION, np.array([3, 0]), [[3], [0]]),
        (MIXED, {"shape": 1, "age": 40}, [[1, 40]]),
        (MIXED, [1, 40.5], [[1, 40.5]]),
        (MIXED, [{"age": 50, "shape": 2}, {"shape": 0, "age": 1}], [[2, 50], [0, 1]]),
        (MIXED, [[1, 40], [2, 50]], [[1, 40], [2, 50]]),
    ],
)
def test_what_may_be_typed(columns, typed, wanted):
    np.testing.assert_array_equal(columns.read(typed, "condition"), columns.rows(wanted, "x"))


@pytest.mark.parametrize(
    "columns,typed,told",
    [
        (FASHION, "sneeker", "there is no class 'sneeker'. Did you mean 'Sneaker'?"),
        (FASHION, 7, "there is no class '7'"),
        (FASHION, [], "expected class (T-shirt/top, Sneaker, Bag, 2), got []"),
        (FASHION, {"kind": "Bag"}, "'kind' is not known of these images"),
        (FASHION, True, "there is no class 'True'"),
        (MIXED, 1, "expected a value of shape (0, 1, 2) and age (a number), as in {shape: 0, age: 0}, got [1]"),
        (MIXED, {"shape": 1}, "got [1, None]"),
        (MIXED, {"shape": 1, "age": "old"}, "expected a finite number for age, got 'old'"),
        (MIXED, [[1, float("inf")]], "expected a finite number for age"),
    ],
)
def test_what_may_not_be_typed(columns, typed, told):
    with pytest.raises(ConfigError) as error:
        columns.read(typed, "condition")
    assert told in str(error.value) and str(error.value).startswith("condition: ")


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-1e3, 1e3, width=32)), min_size=1, max_size=5))
def test_a_folder_keeps_what_columns_mean(values):
    again = Columns(**json.loads(json.dumps(MIXED.plain())))
    np.testing.assert_array_equal(again.rows(values, "x"), MIXED.rows(values, "x"))
    assert again.told(again.rows(values, "x")) == MIXED.told(MIXED.rows(values, "x"))


def test_rows_in_words():
    assert FASHION.told(FASHION.read(["bag", "sneaker"], "x")) == ["Bag", "Sneaker"]
    assert MIXED.told(MIXED.read([2, 40.5], "x")) == ["shape 2, age 40.5"]
    np.testing.assert_array_equal(FASHION.each(), np.eye(4))
    assert MIXED.each() is None


def elsewhere(names, y):
    images = np.zeros((3, 4, 4, 1), np.uint8)
    return Dataset("own", Split((images,)), Split((images,), None if y is None else np.array(y)), class_names=names)


def test_classes_of_other_data_are_the_same_by_name():
    found = of_foreign(Label(planes=False), FASHION, elsewhere(("Bag", "Sneaker"), [0, 1, 0]))
    np.testing.assert_array_equal(found.test.given[0], FASHION.read(["bag", "sneaker", "bag"], "x"))
    assert found.condition is FASHION


@pytest.mark.parametrize(
    "names,y,told",
    [
        ((), None, "which is not known of these. Name data with it"),
        (("Bag", "Sneaker"), None, "which is not known of these"),
        (("Bag", "Boot", "Coat"), [0, 1, 2], "of these it would be Boot, Coat."),
    ],
)
def test_data_without_the_condition_are_refused(names, y, told):
    with pytest.raises(ConfigError) as error:
        of_foreign(Label(planes=False), FASHION, elsewhere(names, y))
    assert told in str(error.value) and "told of each image its class (T-shirt/top, Sneaker" in str(error.value)
