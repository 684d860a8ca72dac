from pathlib import Path

import numpy as np
import pytest
from small_data import load

from vaelab.datasets.base import Rows
from vaelab.errors import ConfigError, DataError


def x(n=10, shape=(6, 5, 3)):
    return np.random.default_rng(n).integers(256, size=(n, *shape), dtype=np.uint8)


def write(path, **arrays):
    found = {"x_train": x(), "y_train": np.arange(10) % 3, "x_test": x(4), "y_test": np.arange(4) % 3} | arrays
    np.savez_compressed(path / "a.npz", **{k: v for k, v in found.items() if v is not None})
    return str(path / "a.npz")


def own(path, **changes):
    return load("npz", path=path, **changes)


def test_the_usual_names(tmp_path):
    found = own(write(tmp_path))
    assert found.shapes == ((6, 5, 3),) and (len(found.train), len(found.test)) == (10, 4)
    assert np.array_equal(found.train.x[0], x()) and found.class_names == ("0", "1", "2")


def test_own_names_views_and_a_held_out_share(tmp_path):
    path = write(tmp_path, left=x(), right=x(10, (3, 3, 1)), kind=np.arange(10) % 2)
    names = {"train": ["left", "right"], "test": None, "train_labels": "kind", "class_names": ["a", "b"]}
    found = own(path, **names)
    assert found.shapes == ((6, 5, 3), (3, 3, 1)) and (len(found.train), len(found.test)) == (8, 2)
    row = found.train.x[0].tobytes().find(x()[0].tobytes()) // x()[0].size
    if row >= 0:
        assert np.array_equal(found.train.x[1][row], x(10, (3, 3, 1))[0])  # views stay paired


def test_numbers_of_all_kinds(tmp_path):
    path = write(
        tmp_path, flags=x() > 99, wide=x().astype(np.int64), half=(x() / 255).astype(np.float16), ones=(x() > 99) * 1
    )
    rest = {"test": None, "train_labels": None, "validation": 0.0}

    def only(name, **more):
        found = own(path, train=[name], **rest, **more)
        return np.concatenate([found.train.x[0], found.test.x[0]])

    assert sorted(np.unique(only("flags")).tolist()) == [0, 255] and only("flags").dtype == np.uint8
    assert only("wide").dtype == np.uint8 and only("wide").sum() == x().sum()
    assert only("half").dtype == np.float32 and only("half").max() <= 1
    assert sorted(np.unique(only("ones", values="binary")).tolist()) == [0, 255]
    assert only("wide", values="real").dtype == np.float32 and only("wide", values="real").max() > 200


def test_grey_images_and_flat_vectors(tmp_path):
    rest = {"test": None, "train_labels": None}
    path = write(tmp_path, grey=x(10, (6, 5)), flat=x(10, (30,)))
    assert own(path, train=["grey"], **rest).shapes == ((6, 5, 1),)
    assert own(path, train=["flat"], image_shape=[6, 5, 1], **rest).shapes == ((6, 5, 1),)
    with pytest.raises(DataError, match=r"dataset.image_shape=\[H,W,C\]"):
        own(path, train=["flat"], **rest)
    with pytest.raises(DataError, match=r"is not \(N, ...\) of images"):
        own(path, train=["flat"], image_shape=[6, 6, 1], **rest)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, bool])
def test_an_npy_file_stays_on_disk(tmp_path, dtype):
    array = x() if dtype == np.uint8 else (x() / 255).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    found = own(str(tmp_path / "a.npy"))
    assert isinstance(found.train.x[0], Rows) and found.class_names == ()
    assert found.train.x[0].dtype == (np.uint8 if dtype in (np.uint8, bool) else np.float32)
    assert {v.tobytes() for s in (found.train, found.test) for v in s.x[0][:]} == {
        v.tobytes() for v in (array * np.uint8(255) if dtype is bool else array.astype(found.train.x[0].dtype))
    }


BAD = {
    "objects": ({"x_train": np.array([{"a": 1}] * 10)}, "Python objects, which could run code"),
    "text": ({"x_train": np.array(["a"] * 10)}, "expected numbers"),
    "nan": ({"x_train": np.full((10, 6, 5, 3), np.nan, np.float32)}, "NaN"),
    "floats to 255": ({"x_train": x().astype(np.float32)}, "expected .0, 1. for floats"),
    "integers to 300": ({"x_train": x().astype(int) + 300}, "holds integers from"),
    "negative": ({"x_train": x().astype(int) - 300}, "holds integers from"),
    "labels too short": ({"y_train": np.arange(9)}, "10 images in 'x_train' but 9 in 'y_train'"),
    "labels of floats": ({"y_train": np.arange(10.0)}, "expected integers"),
    "negative labels": ({"y_train": np.full(10, -1)}, "labels run from -1"),
    "no test": ({"x_test": None}, r"has no array 'x_test'; it has: x_train.*or null"),
    "no images": ({"x_train": np.zeros((0, 6, 5, 3), np.uint8), "y_train": np.zeros(0, int)}, "has no images"),
    "other shapes": ({"x_test": x(4, (6, 6, 3))}, "training images are"),
}


@pytest.mark.parametrize("arrays,says", BAD.values(), ids=BAD)
def test_bad_arrays(tmp_path, arrays, says):
    with pytest.raises(DataError, match=says):
        own(write(tmp_path, **arrays))


def test_bad_files(tmp_path):
    with pytest.raises(ConfigError, match=r"dataset.path=FILE.npz"):
        own(None)
    with pytest.raises(DataError, match="there is no file"):
        own(str(tmp_path / "absent.npz"))
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"no readable .npz"):
        own(str(tmp_path / "bad.npz"))
    path = write(tmp_path)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"no readable .npz"):
        own(path)
    np.save(tmp_path / "o.npy", np.array([{"a": 1}]))
    with pytest.raises(DataError, match="Python objects"):
        own(str(tmp_path / "o.npy"))


def test_a_damaged_array_inside(tmp_path):
    path = write(tmp_path)
    content = bytearray(Path(path).read_bytes())
    content[200:260] = bytes(60)
    Path(path).write_bytes(content)
    with pytest.raises(DataError, match=r"array 'x_train' of .* cannot be read|no readable"):
        own(path)


def test_the_path_may_be_relative_to_the_data_folder(tmp_path):
    write(tmp_path)
    assert len(load("npz", path="a.npz", data_dir=tmp_path).train) == 10


def test_numbers_beside_the_images(tmp_path):
    rng = np.random.default_rng(0)
    numbers = {"age": rng.normal(size=10), "both": rng.normal(size=(4, 2)), "t_age": rng.normal(size=4)}
    path = write(tmp_path, **numbers, words=np.array(["a"] * 10))
    usual = {"train_covariates": "age", "test_covariates": "t_age"}
    found = own(path, **usual, covariate_names=["age"])
    assert found.covariate_names == ("age",) and found.train.covariates.shape[1] == 1
    np.testing.assert_allclose(found.test.covariates[:, 0], numbers["t_age"], rtol=1e-6)
    assert found.checksum() != own(path).checksum() and own(path).covariate_names == ()
    with pytest.raises(DataError, match=r"covariates of training and test images have \[1, 2\] columns"):
        own(path, **{**usual, "test_covariates": "both"})
    with pytest.raises(DataError, match=r"covariates 'words' .* expected numbers"):
        own(path, **{**usual, "train_covariates": "words"})
    with pytest.raises(ConfigError, match=r"dataset\.covariate_names: expected 1 names"):
        own(path, **usual, covariate_names=["age", "dose"])
