import numpy as np
import pytest
from small_data import load

from vaelab.datasets.base import Rows
from vaelab.datasets.quickdraw import needed
from vaelab.errors import ConfigError, DataError


def write(folder, name, n, fill=None):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(name))
    x = rng.integers(256, size=(n, 784), dtype=np.uint8) if fill is None else np.full((n, 784), fill, np.uint8)
    np.save(folder / f"{name}.npy", x)
    return x


def draw(path, categories, **changes):
    return load("quickdraw", data_dir=path, categories=categories, **changes)


def test_any_categories_in_the_given_order(tmp_path):
    x = write(tmp_path / "quickdraw", "ice cream", 30)
    write(tmp_path / "quickdraw", "zigzag", 20)
    found = draw(tmp_path, ["zigzag", "ice cream"])
    assert found.class_names == ("zigzag", "ice cream") and found.shapes == ((28, 28, 1),)
    assert np.bincount(found.train.y).tolist() == [18, 27] and np.bincount(found.test.y).tolist() == [2, 3]
    mine = np.concatenate([s.x[0][np.flatnonzero(s.y == 1)] for s in (found.train, found.test)])
    assert {m.tobytes() for m in mine} == {v.tobytes() for v in x}
    assert isinstance(found.train.x[0], Rows)


def test_limit_per_category_takes_the_first(tmp_path):
    write(tmp_path, "a", 30)
    write(tmp_path, "b", 3)
    found = draw(tmp_path, ["a", "b"], limit_per_category=10)
    assert len(found.train) + len(found.test) == 13
    assert len(draw(tmp_path, ["a", "b"], limit_per_category=None).train) == 29


def test_a_complete_file_of_any_length_and_the_split_of_its_own_seed(tmp_path):
    write(tmp_path, "a", 1000)
    found = draw(tmp_path, ["a"], limit_per_category=None)
    assert (len(found.train), len(found.test)) == (900, 100)
    a, b = ({x.tobytes() for x in s.x[0][:]} for s in (found.train, found.test))
    assert not a & b
    assert draw(tmp_path, ["a"], seed=3).checksum() == found.checksum() != draw(tmp_path, ["a"], data_seed=3).checksum()


WRONG = {
    "float64": np.zeros((5, 784)),
    "other width": np.zeros((5, 785), np.uint8),
    "no rows": np.zeros((0, 784), np.uint8),
    "objects": np.array([{"a": 1}]),
}


@pytest.mark.parametrize("array", WRONG.values(), ids=WRONG)
def test_wrong_arrays(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy is not the expected file"):
        draw(tmp_path, ["a"])


def test_a_truncated_file(tmp_path):
    write(tmp_path, "a", 10)
    path = tmp_path / "a.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"cannot be read as a .npy array"):
        draw(tmp_path, ["a"])


def test_a_missing_category_names_the_nearest_that_is_there(tmp_path, monkeypatch):
    write(tmp_path, "apple", 10)
    with pytest.raises(DataError, match="Did you mean 'apple'"):
        draw(tmp_path, ["aple"], url="http://127.0.0.1:9/{category}.npy")


@pytest.mark.parametrize("categories", [[], ["a", "a"], ["../a"], [".hidden"]])
def test_categories_that_are_none(categories):
    with pytest.raises(ConfigError, match=r"dataset\.categories"):
        needed(categories=categories, url="{category}", sha256={})


def test_addresses_are_quoted():
    (entry,) = needed(categories=["ice cream"], url="https://x/{category}.npy", sha256={"ice cream": "f"})
    assert entry == {"name": "ice cream.npy", "url": "https://x/ice%20cream.npy", "sha256": "f"}


@pytest.mark.slow
def test_the_real_files(shared_data):
    found = draw(shared_data, ["apple", "cat", "fish"])
    assert len(found.train) + len(found.test) == 9000
