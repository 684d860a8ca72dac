"""Larochelle's text files: read to the last digit, refused where anything else is in them."""

import numpy as np
import pytest
from small_data import load, node

from vaelab.datasets.prepare import load_dataset
from vaelab.errors import ConfigError, DataError

NAMES = {"train": 12, "valid": 5, "test": 4}


def lines(images) -> bytes:
    return b"".join(b" ".join(b"1" if v else b"0" for v in image) + b"\n" for image in images)


@pytest.fixture
def files(tmp_path):
    """{name: the 0s and 1s written} in binarized_mnist below a folder."""
    rng = np.random.default_rng(0)
    (tmp_path / "binarized_mnist").mkdir()
    made = {name: rng.integers(2, size=(n, 784)) for name, n in NAMES.items()}
    for name, images in made.items():
        (tmp_path / f"binarized_mnist/binarized_mnist_{name}.amat").write_bytes(lines(images))
    return tmp_path, made


def test_what_is_written_is_read(files):
    folder, made = files
    found = load("binarized_mnist", data_dir=folder, validation=True)
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        np.testing.assert_array_equal(found.split(split).x[0], 255 * made[name].reshape(-1, 28, 28, 1))
    assert found.data_kind == "static" and "instead of the published" in found.notes[0]


def with_share(name, folder, share):
    data_dir = None if folder is None else str(folder)
    return load_dataset({**node(name), "validation": share}, data_dir=data_dir, seed=0, validation=True)


def test_a_share_is_held_out_of_both_files(files):
    found = with_share("binarized_mnist", files[0], 0.25)
    assert (len(found.train), len(found.validation), len(found.test)) == (13, 4, 4)


def test_other_datasets_have_no_validation_split_of_their_own():
    with pytest.raises(ConfigError, match="validation=null stands for"):
        with_share("digits", None, None)


@pytest.mark.parametrize(
    "content,what",
    [
        (b"", "it holds no images"),
        (b"0 1 0\n", "line 1 has 3 numbers, expected 784"),
        (lines(np.ones((1, 784))).replace(b"1", b"2", 1), "line 1 holds '2'"),
        (lines(np.ones((1, 784))).replace(b"1 1", b"11", 1), "line 1 has 783 numbers"),
        (lines(np.ones((1, 784))) + b"1 0\n" + lines(np.ones((1, 782))), "line 2 has 2 numbers"),
        (lines(np.ones((2, 784)))[:-2], "line 2 has 783 numbers"),
        (b"\x80\x02(0 1", "line 1 has 2 numbers"),
        (lines(np.ones((1, 784))).replace(b"1", b"10", 1), "line 1 holds '10'"),
    ],
)
def test_what_is_no_such_file_is_refused(files, content, what):
    folder, _ = files
    (folder / "binarized_mnist/binarized_mnist_test.amat").write_bytes(content)
    with pytest.raises(DataError, match=what):
        load("binarized_mnist", data_dir=folder)


def test_line_ends_do_not_matter(files):
    folder, made = files
    path = folder / "binarized_mnist/binarized_mnist_test.amat"
    path.write_bytes(path.read_bytes().replace(b"\n", b" \r\n").rstrip())
    found = load("binarized_mnist", data_dir=folder)
    np.testing.assert_array_equal(found.test.x[0], 255 * made["test"].reshape(-1, 28, 28, 1))
