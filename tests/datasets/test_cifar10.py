import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from small_data import load

from vaelab.datasets.base import Dataset
from vaelab.errors import DataError

FOLDER = "cifar-10-batches-py"


def batch(n=10, seed=0, **changes) -> bytes:
    rng = np.random.default_rng(seed)
    content = {
        b"batch_label": b"a batch",
        b"labels": [int(i % 10) for i in range(n)],
        b"data": rng.integers(256, size=(n, 3072), dtype=np.uint8),
    }
    content |= {k.encode(): v for k, v in changes.items()}
    return pickle.dumps(content, protocol=2)


def batches(n=10, **replaced) -> dict[str, bytes]:
    found = {f"data_batch_{i}": batch(n, i) for i in range(1, 6)} | {"test_batch": batch(n, 6)}
    return found | replaced


def write(folder, contents, name="cifar-10-python.tar.gz", extra=()):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / name, "w:gz") as tar:
        for inner, content in contents.items():
            info = tarfile.TarInfo(f"{FOLDER}/{inner}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return folder / name


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("folder", ["cifar10", "cifar-10", "."])
def test_reads_the_archive(tmp_path, folder):
    write(tmp_path / folder, batches())
    found = load("cifar10", data_dir=tmp_path)
    assert isinstance(found, Dataset) and (len(found.train), len(found.test)) == (50, 10)
    planes = np.random.default_rng(3).integers(256, size=(10, 3072), dtype=np.uint8).reshape(10, 3, 32, 32)
    assert np.array_equal(found.train.x[0][20:30], planes.transpose(0, 2, 3, 1))
    assert found.train.y[:10].tolist() == list(range(10)) and found.class_names[6] == "frog"
    assert "not the complete CIFAR-10" in found.notes[0]


def test_reads_the_unpacked_folder_alike(tmp_path):
    write(tmp_path / "a", batches())
    unpacked = tmp_path / "b" / "cifar10" / FOLDER
    unpacked.mkdir(parents=True)
    for name, content in batches().items():
        (unpacked / name).write_bytes(content)
    a, b = (load("cifar10", data_dir=tmp_path / d) for d in "ab")
    assert a.checksum() == b.checksum()


def test_reads_batches_written_by_python_2(tmp_path):
    """The official batches: byte strings as such, arrays by numpy.core.multiarray._reconstruct."""
    rows = np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8)

    def text(s):
        return b"U" + bytes([len(s)]) + s

    pickled = (
        b"\x80\x02}(" + text(b"labels") + b"](K\x03K\x07e" + text(b"data")
        + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
        + b"(K\x01(K\x02M\x00\x0ct" + b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR"
        + b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + len(rows).to_bytes(4, "little") + rows.tobytes() + b"tb" + b"u."
    )  # fmt: skip
    assert np.array_equal(pickle.loads(pickled, encoding="bytes")[b"data"].ravel(), rows)  # it is a right pickle
    write(tmp_path, dict.fromkeys([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"], pickled))
    found = load("cifar10", data_dir=tmp_path)
    assert found.test.y.tolist() == [3, 7]
    assert np.array_equal(found.test.x[0], rows.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1))


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def touched(tmp_path):
    return tmp_path / "touched"


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("where", ["whole", "value"])
def test_a_pickle_that_wants_to_run_something_is_refused_unrun(tmp_path, protocol, where):
    evil = Evil(os.mkdir, str(touched(tmp_path)))
    content = evil if where == "whole" else {b"data": evil, b"labels": []}
    write(tmp_path, batches(data_batch_3=pickle.dumps(content, protocol=protocol)))
    with pytest.raises(DataError, match=r"data_batch_3.*wants to import (posix|nt)\.mkdir"):
        load("cifar10", data_dir=tmp_path)
    assert not touched(tmp_path).exists()


EVIL = {
    "builtins": pickle.dumps(Evil(eval, "1"), protocol=2),
    "numpy function": b"\x80\x02cnumpy\nfromfile\n(U\x01atR.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dumpq\x00\x93.",
    "outside object": b"\x80\x02U\x01aQ.",
    "object array": pickle.dumps({b"data": np.array([[1, "a"]], object), b"labels": [1]}, protocol=2),
    "no pickle": b"hello",
    "cut": batch()[:-500],
    "empty": b"",
}


@pytest.mark.parametrize("content", EVIL.values(), ids=EVIL)
def test_other_pickles_are_refused(tmp_path, content):
    write(tmp_path, batches(test_batch=content))
    with pytest.raises(DataError, match="test_batch"):
        load("cifar10", data_dir=tmp_path)


WRONG = {
    "one row more": (batch(labels=[1] * 11), "10 images and 11 labels"),
    "labels not numbers": (batch(labels=["a"] * 10), "labels"),
    "label ten": (batch(labels=[10] * 10), "labels run from 10 to 10"),
    "floats": (batch(data=np.zeros((10, 3072))), "expected uint8"),
    "other width": (batch(data=np.zeros((10, 3071), np.uint8)), "expected uint8"),
    "no data": (pickle.dumps({b"labels": []}, protocol=2), "lacks 'data' or 'labels'"),
    "a list": (pickle.dumps([1], protocol=2), "lacks 'data' or 'labels'"),
}


@pytest.mark.parametrize("content,says", WRONG.values(), ids=WRONG)
def test_wrong_content_is_named(tmp_path, content, says):
    write(tmp_path, batches(data_batch_2=content))
    with pytest.raises(DataError, match=says):
        load("cifar10", data_dir=tmp_path)


UNSAFE = {
    "parent": (member("../escaped"), "unsafe name '../escaped'"),
    "deep parent": (member(f"{FOLDER}/../../escaped"), "unsafe name"),
    "absolute": (member("/tmp/escaped"), "unsafe name '/tmp/escaped'"),
    "symlink": (member(f"{FOLDER}/link", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
    "hard link": (member(f"{FOLDER}/link", tarfile.LNKTYPE, "a"), "a link"),
    "device": (member(f"{FOLDER}/device", tarfile.CHRTYPE), "neither file nor folder"),
}


@pytest.mark.parametrize("info,says", UNSAFE.values(), ids=UNSAFE)
def test_unsafe_archives_are_refused(tmp_path, info, says):
    write(tmp_path, batches(), extra=[info])
    with pytest.raises(DataError, match=says):
        load("cifar10", data_dir=tmp_path)


def test_a_truncated_archive_names_file_checksum_url_and_option(tmp_path):
    path = write(tmp_path, batches())
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DataError) as error:
        load("cifar10", data_dir=tmp_path)
    for part in (str(path), "6d958be0", "https://www.cs.toronto.edu", "data_dir="):
        assert part in str(error.value)


def test_something_else_under_the_archives_name(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"<html>sorry</html>")
    with pytest.raises(DataError, match="cannot be read as a tar archive"):
        load("cifar10", data_dir=tmp_path)


def test_a_missing_batch_is_named(tmp_path):
    contents = batches()
    del contents["data_batch_5"]
    write(tmp_path, contents)
    with pytest.raises(DataError, match="lacks 'cifar-10-batches-py/data_batch_5'"):
        load("cifar10", data_dir=tmp_path)


@pytest.mark.slow
def test_complete_batches_of_10000_rows(tmp_path):
    rows = np.tile(np.arange(256, dtype=np.uint8), (10_000, 12))
    write(tmp_path, dict.fromkeys(batches(), batch(labels=[7] * 10_000, data=rows)))
    found = load("cifar10", data_dir=tmp_path)
    assert (len(found.train), len(found.test)) == (50_000, 10_000) and found.notes == ()


@pytest.mark.slow
def test_the_real_archive(shared_data):
    found = load("cifar10", data_dir=shared_data)
    assert found.shapes == ((32, 32, 3),) and np.bincount(found.train.y).min() > 400
