import gzip
import struct

import numpy as np
import pytest
from small_data import idx_bytes, load, node, unchecked, write_mnist

from vaelab.datasets import idx
from vaelab.errors import DataError

ENTRY = {"name": "x.gz", "url": "https://example.org/x.gz", "sha256": None}
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def read(path, content, **entry):
    path.write_bytes(content)
    return idx.read(path, {**ENTRY, **entry}, "mnist")


def test_reads_plain_and_gzipped_whatever_the_name(tmp_path):
    assert np.array_equal(read(tmp_path / "a.gz", gzip.compress(idx_bytes(IMAGES))), IMAGES)
    assert np.array_equal(read(tmp_path / "b.gz", idx_bytes(IMAGES)), IMAGES)
    assert np.array_equal(read(tmp_path / "c", gzip.compress(idx_bytes(IMAGES))), IMAGES)


DAMAGED = {
    "truncated gzip": (gzip.compress(idx_bytes(IMAGES))[:-12], "truncated or damaged"),
    "flipped byte": (gzip.compress(idx_bytes(IMAGES))[:-8] + b"\0" * 8, "truncated or damaged"),
    "wrong magic": (b"\x89PNG" + bytes(40), "it starts with the bytes 89 50 4e 47"),
    "other number type": (b"\0\0\x0d\x01" + bytes(40), "it starts with the bytes 00 00 0d 01"),
    "empty": (b"", "empty file"),
    "header cut": (b"\0\0\x08\x03\0\0", "inside its header"),
    "data cut": (idx_bytes(IMAGES)[:-1], "promises 24 bytes"),
    "data too long": (idx_bytes(IMAGES) + b"!", "more than the 24 bytes"),
    "absurd header": (b"\0\0\x08\x03" + struct.pack(">3I", 4_000_000_000, 4_000, 4_000), "more than the file can hold"),
    "absurd gzip": (gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 4_000_000_000)), "more than the file can hold"),
}


@pytest.mark.parametrize("content,says", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named_with_file_checksum_url_and_remedy(tmp_path, content, says):
    with pytest.raises(DataError) as error:
        read(tmp_path / "x.gz", content, sha256="0" * 64)
    for part in (says, str(tmp_path / "x.gz"), "0" * 64, ENTRY["url"], "vaelab data fetch dataset=mnist", "data_dir="):
        assert part in str(error.value)


def test_other_content_is_refused_by_its_checksum(tmp_path):
    with pytest.raises(DataError, match="uncompressed content has sha256"):
        read(tmp_path / "x.gz", gzip.compress(idx_bytes(IMAGES)), sha256="0" * 64)


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_is_found_in_several_folders_packed_or_not(tmp_path, folder, zipped):
    write_mnist(tmp_path / folder, zipped=zipped)
    found = load("mnist", data_dir=tmp_path, files=unchecked("mnist"))
    assert found.shapes == ((28, 28, 1),) and (len(found.train), len(found.test)) == (20, 10)
    assert found.train.x[0].dtype == np.uint8 and found.train.y.tolist() == [*range(10), *range(10)]
    assert found.class_names == tuple("0123456789")


@pytest.mark.parametrize("folder", ["fashionmnist", "fashion-mnist", "FashionMNIST/raw"])
def test_fashionmnist_has_its_own_folders_and_names(tmp_path, folder):
    write_mnist(tmp_path / folder)
    found = load("fashionmnist", data_dir=tmp_path, files=unchecked("fashionmnist"))
    assert found.class_names[0] == "T-shirt/top" and found.class_names[9] == "Ankle boot"


def test_data_may_be_named_by_the_environment(tmp_path, monkeypatch):
    write_mnist(tmp_path / "mnist")
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    assert len(load("mnist", files=unchecked("mnist")).train) == 20


def test_images_and_labels_must_be_of_equal_number(tmp_path):
    write_mnist(tmp_path / "mnist", train_labels_idx1_ubyte=idx_bytes(np.zeros(19)))
    with pytest.raises(DataError, match="20 train images but 19 labels"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))


def test_labels_must_have_names(tmp_path):
    write_mnist(tmp_path / "mnist", train_labels_idx1_ubyte=idx_bytes(np.full(20, 10)))
    with pytest.raises(DataError, match="labels run from 10 to 10, but there are 10 classes"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))


def test_no_images_at_all(tmp_path):
    empty = {
        "t10k_images_idx3_ubyte": idx_bytes(np.zeros((0, 28, 28))),
        "t10k_labels_idx1_ubyte": idx_bytes(np.zeros(0)),
    }
    write_mnist(tmp_path / "mnist", **empty)
    with pytest.raises(DataError, match="hold no image"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))


def test_images_of_another_size_are_refused(tmp_path):
    other = {"train_images_idx3_ubyte": idx_bytes(np.zeros((20, 27, 28)))}
    write_mnist(tmp_path / "mnist", **other)
    with pytest.raises(DataError, match="training images are"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))
    write_mnist(tmp_path / "mnist", **other, t10k_images_idx3_ubyte=idx_bytes(np.zeros((10, 27, 28))))
    with pytest.raises(DataError, match="expected images of"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))


def test_a_file_of_the_wrong_kind(tmp_path):
    write_mnist(tmp_path / "mnist", train_images_idx3_ubyte=idx_bytes(np.zeros(20)))
    with pytest.raises(DataError, match="it has 1 dimensions, images have 3"):
        load("mnist", data_dir=tmp_path, files=unchecked("mnist"))


def test_small_files_in_the_place_of_the_official_ones_are_noticed(tmp_path):
    write_mnist(tmp_path / "mnist")
    with pytest.raises(DataError, match=node("mnist")["files"][0]["sha256"]):
        load("mnist", data_dir=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashionmnist"])
def test_the_official_files(shared_data, name):
    found = load(name, data_dir=shared_data)
    assert (len(found.train), len(found.test)) == (60000, 10000)
    counts = np.bincount(found.train.y)
    assert counts.tolist() == (
        [6000] * 10 if name == "fashionmnist" else [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    )
