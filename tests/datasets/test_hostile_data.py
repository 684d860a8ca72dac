"""What no honest file holds, and what honest files hold oddly: a sentence or the right images, within little memory.

Every case writes files and loads them; `says` is what the sentence must hold, or None where the data are read.
"""

import bz2
import gzip
import io
import os
import pickle
import resource
import struct
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import idx_bytes, load, save_image, unchecked, write_mnist

from vaelab.errors import ConfigError, DataError

ROOM = 600_000_000  # bytes of address space a refusal may take; every bomb promises more


@contextmanager
def little_memory():
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def judge(case, tmp_path):
    """Loads what a case wrote: the dataset, or the sentence."""
    name, settings = case(tmp_path)
    with little_memory():
        try:
            return load(name, **settings)
        except (DataError, ConfigError) as error:
            return str(error)


def check(case, says, tmp_path):
    found = judge(case, tmp_path)
    if says is None:
        assert not isinstance(found, str), found
        for split in (found.train, found.test):
            assert all(np.isfinite(view[:]).all() for view in split.x)
    else:
        assert isinstance(found, str) and says in found, found
        assert len(found) < 1500 and found.isprintable()


# -- arrays ------------------------------------------------------------------------------------------------------------


def x(n=10, shape=(6, 5, 3)):
    return np.random.default_rng(n).integers(256, size=(n, *shape), dtype=np.uint8)


def npy(descr="'|u1'", shape="(10, 6, 5, 3)", content=b"", version=1, fortran=False, length=None) -> bytes:
    """An .npy file with any header."""
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    size = len(header) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + header + content


def zipped(path, compression=zipfile.ZIP_DEFLATED, **members):
    """An .npz file of the given arrays, or of the given bytes."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            if isinstance(content, np.ndarray):
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, content, allow_pickle=True)
                content = buffer.getvalue()
            archive.writestr(f"{name}.npy", content)
    return path


ALONE = {"test": None, "train_labels": None, "train": ["x"]}


def npz(*, settings=ALONE, **members):
    return lambda folder: ("npz", {"path": str(zipped(folder / "a.npz", **members)), **settings})


def images(array, **settings):
    return npz(x=array, settings=ALONE | settings)


def labels(array, **settings):
    return npz(x=x(), y=array, settings=ALONE | {"train_labels": "y"} | settings)


def npy_file(content, **settings):
    def write(folder):
        (folder / "a.npy").write_bytes(content)
        return "npz", {"path": str(folder / "a.npy"), **settings}

    return write


def raw(content, name="a.npz"):
    def write(folder):
        (folder / name).write_bytes(content)
        return "npz", {"path": str(folder / name), **ALONE}

    return write


def patched(change):
    """An .npz whose bytes are changed after it was written."""

    def write(folder):
        path = zipped(folder / "a.npz", x=x())
        content = bytearray(path.read_bytes())
        central = content.index(b"PK\1\2")
        change(content, central)
        path.write_bytes(content)
        return "npz", {"path": str(path), **ALONE}

    return write


def encrypted(content, central):
    content[6] |= 1
    content[central + 8] |= 1


def lying_size(content, central):
    content[central + 24 : central + 28] = struct.pack("<I", 0xFFFFFFF0)


def twice(folder):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(folder / "a.npz", "w") as archive:
        for _ in (1, 2):
            archive.writestr("x.npy", npy(content=bytes(900)))
    return "npz", {"path": str(folder / "a.npz"), **ALONE}


HEADERS = {
    "more than it holds": (npy(shape="(9000000, 28, 28, 1)"), "its header promises"),
    "more than any machine": (npy(shape=f"({2**40}, {2**40})"), "its header promises"),
    "a negative size": (npy(shape="(-1, 6, 5, 3)"), "the shape"),
    "no numbers in the shape": (npy(shape="('a',)"), "header is damaged"),
    "objects": (npy("'|O'", "(10,)", pickle.dumps([1] * 10)), "could run code"),
    "records": (npy("[('a', '<i4'), ('b', '<f8')]", "(10,)", bytes(120)), "expected numbers"),
    "records with objects": (npy("[('a', '|O')]", "(10,)", bytes(80)), "could run code"),
    "elements of arrays": (npy("('<f8', (100000000,))", "(10,)"), "it "),
    "a gigabyte per text": (npy("'|S1000000000'", "(10,)"), "its header promises"),
    "a text of no length": (npy("'|S0'", f"({10**15},)"), "expected numbers"),
    "nothing per element": (npy("'|V0'", f"({10**15},)"), "expected numbers"),
    "dates": (npy("'<M8[s]'", "(10,)", bytes(80)), "expected numbers"),
    "an unknown type": (npy("'<q9'", "(10,)", bytes(80)), "header is damaged"),
    "four gigabytes of header": (npy(version=2, length=2**32 - 1), "header takes"),
    "a header that calls": (npy("__import__('os').mkdir('x')"), "header is damaged"),
    "a header of parentheses": (npy(shape="(" * 5000 + ")" * 5000), "header is damaged"),
    "another version": (npy(version=9), "no .npy array"),
    "nothing": (b"", "ends inside its header"),
    "half a header": (npy()[:40], "ends inside its header"),
    "text": (b"hello world, this is no array", "no .npy array"),
    "the content cut": (npy(content=bytes(899)), "its header promises"),
}
ARCHIVES = {
    **{f"header, {name}": (npz(x=content), says) for name, (content, says) in HEADERS.items()},
    "more than promised": (npz(x=npy(content=bytes(901))), "holds more than"),
    "a header bomb": (npz(x=npy(version=2, length=2**31 - 1, content=bytes(10**7))), "header takes"),
    "encrypted": (patched(encrypted), "encrypted"),
    "a lying directory": (patched(lying_size), "cannot become"),
    "bzip2": (lambda f: ("npz", {"path": str(zipped(f / "a.npz", zipfile.ZIP_BZIP2, x=x())), **ALONE}), "compression"),
    "lzma": (lambda f: ("npz", {"path": str(zipped(f / "a.npz", zipfile.ZIP_LZMA, x=x())), **ALONE}), "compression"),
    "the same name twice": (twice, "2 arrays called 'x'"),
    "no zip": (raw(b"hello"), "no readable .npz"),
    "an empty file": (raw(b""), "no readable .npz"),
    "no members": (npz(), "it has: none"),
    "other names": (npz(data=x(), target=np.arange(10)), "it has: data, target"),
    "a thousand other names": (npz(**{f"a{n}": np.zeros(1) for n in range(1000)}), "and 980 more"),
    "names of other encodings": (npz(**{"b\x1b[31m\udc80".encode("utf-8", "replace").decode(): x()}), "has no array"),
    "gzip": (raw(gzip.compress(b"hello")), "no readable .npz"),
    "bzip2 of zeros": (raw(bz2.compress(bytes(10**7))), "no readable .npz"),
}
NPY_FILES = {
    **{name: (npy_file(content), says) for name, (content, says) in HEADERS.items()},
    "no images": (npy_file(npy(shape="(0, 6, 5, 3)")), "at least two"),
    "Fortran order": (npy_file(npy(content=x().tobytes(order="F"), fortran=True)), None),
    "big-endian": (npy_file(npy("'>f4'", content=(x() / 255).astype(">f4").tobytes())), None),
}


def changed(value, dtype=np.float32, at=(3, 2, 1, 0)):
    array = (x() / 255).astype(dtype)
    array[at] = value
    return array


VALUES = {
    "NaN": (images(changed(np.nan)), "holds NaN"),
    "infinity": (images(changed(np.inf)), "NaN or infinity"),
    "minus infinity": (images(changed(-np.inf, np.float64)), "NaN or infinity"),
    "infinity of float16": (images(changed(np.inf, np.float16)), "NaN or infinity"),
    "beyond float32": (images(changed(1e300, np.float64), values="real"), "NaN or infinity"),
    "NaN among real numbers": (images(changed(np.nan), values="real"), "NaN or infinity"),
    "negative": (images(changed(-0.5)), "run from -0.5"),
    "above one": (images(changed(1.5)), "to 1.5"),
    "a hair above one": (images(changed(1.0000001)), "expected"),
    "long doubles": (images((x() / 255).astype(np.longdouble)), None),
    "all the same": (images(np.full((10, 6, 5, 3), 7, np.uint8)), None),
    "all the same, standardised": (images(np.full((10, 6, 5, 3), 7, np.uint8), standardize=True), "all training"),
    "no images": (images(x(0)), "at least two"),
    "one image": (images(x(1)), "at least two"),
    "two images": (images(x(2)), None),
    "no rows of pixels": (images(x(10, (0, 5, 3))), "expected more"),
    "no channels": (images(x(10, (6, 5, 0))), "expected more"),
    "one pixel": (images(x(10, (1, 1, 1))), "expected more"),
    "five channels": (images(x(10, (6, 5, 5))), None),
    "five axes": (images(x(10, (2, 6, 5, 3))), "dataset.image_shape"),
    "one axis": (images(np.arange(10)), "dataset.image_shape"),
    "no axis": (images(np.array(3)), "dataset.image_shape"),
    "no axis but a shape": (images(np.array(3), image_shape=[1, 2, 1]), "is not (N, ...)"),
    "uint16 to 255": (images(x().astype(np.uint16)), None),
    "uint16 above": (images(x().astype(np.uint16) * 200), "holds integers"),
    "uint64 at its end": (images(np.full((10, 6, 5, 3), 2**64 - 1, np.uint64)), "holds integers"),
    "int8 below zero": (images(x().astype(np.int8)), "holds integers from -"),
    "big-endian integers": (images(x().astype(">i4")), None),
    "big-endian floats": (images((x() / 255).astype(">f8")), None),
    "Fortran order": (images(np.asfortranarray(x())), None),
    "flags": (images(x() > 99), None),
    "complex": (images(x().astype(np.complex64)), "expected numbers"),
    "text": (images(np.array(["a"] * 10)), "expected numbers"),
    "binary of grey": (images(x(), values="binary"), "no binary array"),
    "binary of halves": (images(changed(0.5), values="binary"), "no binary array"),
    "binary of 0 and 2": (images((x() > 99) * np.uint8(2), values="binary"), "no binary array"),
    "binary of 0, 1 and 255": (images(np.where(x() > 99, 255, x() % 2).astype(np.uint8), values="binary"), "no binary"),
    "binary of 0 and 1": (images((x() > 99) * 1, values="binary"), None),
    "binary of 0 and 255": (images((x() > 99) * np.uint8(255), values="binary"), None),
    "binary of floats": (images((x() > 99) * np.float32(1), values="binary"), None),
    "binary of flags": (images(x() > 99, values="binary"), None),
    "no names": (npz(x=x(), settings={**ALONE, "train": []}), "at least one array"),
    "labels": (labels(np.arange(10) % 3), None),
    "labels of one class": (labels(np.zeros(10, int)), None),
    "labels in a column": (labels((np.arange(10) % 3)[:, None]), None),
    "labels big-endian": (labels((np.arange(10) % 3).astype(">i8")), None),
    "labels with NaN": (labels(np.array([np.nan] * 10)), "expected integers"),
    "labels of floats": (labels(np.arange(10.0)), "expected integers"),
    "labels of text": (labels(np.array(["cat", "dog"] * 5)), "expected integers"),
    "labels of bytes": (labels(np.array([b"cat", b"dog"] * 5)), "expected integers"),
    "labels of objects": (labels(np.array(["cat", None] * 5, object)), "could run code"),
    "labels of flags": (labels(np.arange(10) > 4), "expected integers"),
    "labels one-hot": (labels(np.eye(10, dtype=int)), "expected integers"),
    "labels too few": (labels(np.arange(9)), "10 images in 'x' but 9 in 'y'"),
    "labels too many": (labels(np.arange(11)), "10 images in 'x' but 11 in 'y'"),
    "no labels in the array": (labels(np.zeros(0, int)), "but 0 in 'y'"),
    "labels below zero": (labels(np.full(10, -1)), "labels run from -1"),
    "labels without end": (labels(np.full(10, 2**62)), "expected numbers of classes"),
    "labels beyond int64": (labels(np.full(10, 2**64 - 1, np.uint64)), "labels run from"),
    "labels beyond their names": (labels(np.arange(10) % 3, class_names=["a", "b"]), "there are 2 classes"),
    "the same name twice": (labels(np.arange(10) % 2, class_names=["a", "a"]), "expected different names"),
    "no class names": (labels(np.arange(10) % 2, class_names=[]), "expected different names"),
    "names that colour a terminal": (labels(np.arange(10) % 2, class_names=["\x1b[31ma", "b\n"]), None),
    "other shapes to test": (
        npz(x=x(), t=x(4, (6, 6, 3)), settings={**ALONE, "test": ["t"], "test_labels": None}),
        "training images are",
    ),
    "other channels to test": (
        npz(x=x(), t=x(4, (6, 5, 1)), settings={**ALONE, "test": ["t"], "test_labels": None}),
        "training images",
    ),
    "views of other lengths": (npz(x=x(), t=x(9), settings={**ALONE, "train": ["x", "t"]}), "but 9 in 't'"),
    "test labels without test images": (labels(np.arange(10) % 3, test_labels="nothing"), None),
}


@pytest.mark.parametrize("case,says", ARCHIVES.values(), ids=ARCHIVES)
def test_npz_archives(case, says, tmp_path):
    check(case, says, tmp_path)


@pytest.mark.parametrize("case,says", NPY_FILES.values(), ids=NPY_FILES)
def test_npy_files(case, says, tmp_path):
    check(case, says, tmp_path)


@pytest.mark.parametrize("case,says", VALUES.values(), ids=VALUES)
def test_arrays_of_all_kinds(case, says, tmp_path):
    check(case, says, tmp_path)


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(x()), x().astype(">i4"), x().astype(np.uint64), np.asfortranarray(x().astype(">u2"))],
    ids=["Fortran", "big-endian", "wide", "Fortran, big-endian"],
)
@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_the_same_pixels_however_they_are_stored(array, suffix, tmp_path):
    np.save(tmp_path / "a.npy", array)
    zipped(tmp_path / "a.npz", x=array)
    found = load("npz", path=str(tmp_path / f"a.{suffix}"), **ALONE)
    assert {row.tobytes() for part in (found.train, found.test) for row in part.x[0][:]} == {v.tobytes() for v in x()}


def test_an_archive_that_unpacks_to_more_than_the_memory_is_refused_before(tmp_path, monkeypatch):
    monkeypatch.setattr("vaelab.datasets.npz.usable_memory", lambda: 800)
    said = judge(images(x()), tmp_path)
    assert "it takes 0.0009 MB (uint8 of shape (10, 6, 5, 3)); 0.0008 MB are free in memory" in said
    assert "read as needed" in said


# -- published formats -------------------------------------------------------------------------------------------------


def zeros_gz(n: int, head: bytes = b"") -> bytes:
    """A gzip of so many zeros, made quickly: one million, many times over."""
    million = gzip.compress(bytes(10**6), 9)
    return gzip.compress(head) + million * (n // 10**6)


def mnist(name, content):
    def write(folder):
        write_mnist(folder)
        (folder / f"{name}.gz").write_bytes(content)
        return "mnist", {"data_dir": folder, "files": unchecked("mnist")}

    return write


def header(*shape):
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IDX = {
    "two gigabytes of zeros": (mnist(IMAGES, zeros_gz(2 * 10**9, header(2_551_020, 28, 28))), "expected at most"),
    "four gigabytes of labels": (mnist(LABELS, zeros_gz(10**7, header(2**32 - 1))), "more than the file can hold"),
    "more than promised": (mnist(LABELS, zeros_gz(10**9, header(20))), "holds more than"),
    "other sizes": (mnist(IMAGES, gzip.compress(idx_bytes(np.zeros((20, 9, 9))))), "training images are"),
    "images of no size": (mnist(IMAGES, gzip.compress(idx_bytes(np.zeros((20, 0, 28))))), "expected more"),
    "a label too large": (mnist(LABELS, gzip.compress(idx_bytes(np.full(20, 77)))), "labels run from"),
    "not a number each": (mnist(LABELS, gzip.compress(header(20)[:3] + b"\x09" + bytes(99))), "it starts with"),
}


def tar(*entries, tail=b"", compress=gzip.compress, name="cifar-10-python.tar.gz", dataset="cifar10"):
    """A tar archive of raw 512-byte blocks: (TarInfo, content) each."""

    def write(folder):
        content = b"".join(
            info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape") + data + bytes(-len(data) % 512)
            for info, data in entries
        )
        (folder / name).write_bytes(compress(content) + tail)
        return dataset, {"data_dir": folder}

    return write


def info(name="cifar-10-batches-py/data_batch_1", size=0, kind=tarfile.REGTYPE):
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    return made


def bomb(kind=tarfile.REGTYPE, n=2 * 10**9, **where):
    return tar((info(size=n, kind=kind), b""), tail=zeros_gz(n), **where)


OTHER = info("readme.txt")
TARS = {
    "two gigabytes in a file": (bomb(), "unpack to too much"),
    "the same, no batch": (tar((info("x.bin", 2 * 10**9), b""), tail=zeros_gz(2 * 10**9)), "unpack to too much"),
    "an extended header of gigabytes": (bomb(tarfile.XHDTYPE), "belong to no file"),
    "a global header of gigabytes": (bomb(tarfile.XGLTYPE), "belong to no file"),
    "a name of gigabytes": (bomb(tarfile.GNUTYPE_LONGNAME), "belong to no file"),
    "a link of gigabytes": (bomb(tarfile.GNUTYPE_LONGLINK), "belong to no file"),
    "a sparse file": (tar((info(size=512, kind=tarfile.GNUTYPE_SPARSE), bytes(512))), "neither file nor folder"),
    "a folder of gigabytes": (bomb(tarfile.DIRTYPE), "unpack to too much"),
    "gigabytes behind its end": (tar((OTHER, b""), tail=gzip.compress(bytes(1024)) + zeros_gz(2 * 10**9)), "no file"),
    "two thousand empty files": (tar(*[(OTHER, b"")] * 2000), "more than 1000 files"),
    "a name that colours a terminal": (tar((info("../\x1b[31m"), b"")), r"unsafe name '../\x1b[31m'"),
    "a file of Caltech": (bomb(name="101_ObjectCategories.tar.gz", dataset="caltech101"), "unpack to too much"),
    "not gzip": (tar((OTHER, b""), compress=lambda content: b"\x1f\x8bxx" + content), "compression is damaged"),
}


def batch(content):
    """CIFAR-10 whose first batch is this pickle."""
    return tar((info(size=len(content)), content))


def number(n):
    return b"M" + struct.pack("<H", n)


HEAD = b"\x80\x02}"
TOWER = HEAD + b")q\x010" + b"".join(b"h\x01h\x01\x86q\x010" for _ in range(60)) + b"h\x01K\x01s."
PICKLES = {
    "a memory of 64 gigabytes": (batch(HEAD + b"r\xff\xff\xff\xff."), "lacks 'data'"),
    "a key that takes for ever": (batch(TOWER), "a key that is no text"),
    "bytes without end": (batch(b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x."), "no readable pickle"),
    "a byte array without end": (batch(b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x."), "no readable pickle"),
    "a number without end": (batch(b"\x80\x02\x8b\xff\xff\xff\x7f\x01."), "no readable pickle"),
    "text without end": (batch(b"\x80\x02X\xff\xff\xff\xffx."), "no readable pickle"),
    "a list in itself": (batch(b"\x80\x02]q\x00h\x00a."), "lacks 'data'"),
    "nothing to take": (batch(b"\x80\x020."), "no readable pickle"),
    "no mark": (batch(b"\x80\x02(u."), "no readable pickle"),
    "a call of a number": (batch(b"\x80\x02K\x01)R."), "wants to import"),
    "a state for a dict": (batch(b"\x80\x02}}b."), "no readable pickle"),
    "an instance": (batch(b"(i__main__\nEvil\n."), "wants to import"),
    "an object": (batch(b"(cos\nsystem\no."), "os.system"),
    "a new object": (batch(b"\x80\x02cos\nsystem\n)\x81."), "os.system"),
    "an extension": (batch(b"\x80\x02\x82\x01."), "wants to import"),
    "a persistent id": (batch(b"Pabc\n."), "wants to import"),
    "a buffer from outside": (batch(b"\x80\x05\x97."), "wants to import"),
    "a function as data": (batch(pickle.dumps({b"data": print, b"labels": []}, 2)), "print"),
    "a million marks": (batch(b"(" * 10**6 + b"."), "no readable pickle"),
    "deep lists": (batch(b"]" * 10**5 + b"a" * (10**5 - 1) + b"."), "lacks 'data'"),
    "no end": (batch(HEAD), "no readable pickle"),
    "an array of wrong length": (
        batch(HEAD + b"(U\x06labels]U\x04datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
              b"(K\x01(" + number(60000) + number(3072) + b"tcnumpy\ndtype\n(U\x02u1K\x00K\x01tR\x89U\x01xtbu."),
        "expected uint8",
    ),
}  # fmt: skip


def sprites(imgs=None, classes=None, **more):
    def write(folder):
        given = {
            "imgs": np.zeros((6, 64, 64), np.uint8) if imgs is None else imgs,
            "latents_classes": np.zeros((6, 6), int) if classes is None else classes,
        }
        zipped(folder / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", **given, **more)
        return "dsprites", {"data_dir": folder}

    return write


SPRITES = {
    "as it should be": (sprites(), None),
    "more classes than images there can be": (sprites(classes=np.zeros((737_281, 6), np.int64)), "at most"),
    "classes that promise": (sprites(classes=npy("'<i8'", "(700000, 6)")), "its header promises"),
    "classes of objects": (sprites(classes=npy("'|O'", "(6, 6)")), "could run code"),
    "classes out of range": (sprites(classes=np.full((6, 6), 99)), "outside the five factors"),
    "images that promise": (sprites(imgs=npy(shape="(6, 64, 64)")), "ends too early"),
    "other images": (sprites(imgs=npy(shape="(700000, 640, 640)")), "expected uint8"),
    "a header of gigabytes": (sprites(imgs=npy(version=2, length=2**31)), "header takes"),
    "grey images": (sprites(imgs=np.full((6, 64, 64), 7, np.uint8)), "expected 0 and 1 only"),
}


def drawing(content):
    def write(folder):
        (folder / "cat.npy").write_bytes(content)
        return "quickdraw", {"data_dir": folder, "categories": ["cat"]}

    return write


DRAWINGS = {
    **{name: (drawing(content), says) for name, (content, says) in HEADERS.items()},
    "other images": (drawing(npy(content=bytes(900))), "expected uint8"),
    "as it should be": (drawing(npy(shape="(5, 784)", content=bytes(5 * 784))), None),
}


def text(content, size=None):
    def write(folder):
        good = b"\n".join([b" ".join([b"0", b"1"] * 392)] * 3)
        for part in ("train", "valid", "test"):
            (folder / f"binarized_mnist_{part}.amat").write_bytes(good)
        path = folder / "binarized_mnist_train.amat"
        path.write_bytes(good if content is None else content)
        if size:
            os.truncate(path, size)
        return "binarized_mnist", {"data_dir": folder}

    return write


TEXTS = {
    "as it should be": (text(None), None),
    "a line without end": (text(b"", 10**9), "expected 784"),
    "a file without end": (text(b"", 10**12), "expected at most"),
    "a digit without end": (text(b"1" * 10**6), "expected 784"),
    "a wrong digit": (text(b" ".join([b"2"] * 784)), "expected 0 and 1 only"),
    "too few": (text(b"0 1\n"), "expected 784"),
    "no text": (text(bytes(range(256)) * 9), "expected 784"),
}
PUBLISHED = {
    f"{kind}, {name}": case
    for kind, cases in {
        "idx": IDX, "tar": TARS, "pickle": PICKLES, "dsprites": SPRITES, "quickdraw": DRAWINGS, "text": TEXTS,
    }.items()
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("case,says", PUBLISHED.values(), ids=PUBLISHED)
def test_published_formats(case, says, tmp_path):
    check(case, says, tmp_path)


# -- image files -------------------------------------------------------------------------------------------------------


def picture(mode="RGB", size=(9, 7), format="PNG", **options) -> bytes:
    made = io.BytesIO()
    array = np.random.default_rng(1).integers(256, size=(size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(array).convert(mode).save(made, format, **options)
    return made.getvalue()


def gif() -> bytes:
    made = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (n, n, n)) for n in (0, 99, 255)]
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    return made.getvalue()


def png_of(width, height) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    content = bytearray(picture())
    content[16:24] = struct.pack(">2I", width, height)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


FILES = {  # name: (content, what the note says of it; None: it is read)
    "cmyk.jpg": (picture("CMYK", format="JPEG"), None),
    "sixteen.png": (picture("I;16"), None),
    "bit.png": (picture("1"), None),
    "palette.gif": (picture("P", format="GIF"), None),
    "moving.gif": (gif(), None),
    "alpha.png": (picture("RGBA"), None),
    "lab.tif": (picture("LAB", format="TIFF"), None),
    "turned.jpg": (picture(format="JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"), None),
    "thin.png": (picture(size=(2000, 1)), None),
    "one pixel.png": (picture(size=(1, 1)), "one pixel is no image"),
    "cut.png": (picture(size=(90, 90))[:2000], "truncated"),
    "cut.jpg": (picture(size=(90, 90), format="JPEG")[:900], "truncated"),
    "flipped.png": (picture()[:60] + b"\0\0\0\0" + picture()[64:], ""),
    "empty.png": (b"", "no known image format"),
    "text.jpg": (b"hello", "no known image format"),
    "bomb.png": (png_of(60_000, 60_000), "too many"),
    "claims.png": (png_of(8_000, 8_000), ""),
    "nothing.png": (png_of(0, 9), ""),
    "header.bmp": (picture(format="BMP")[:30], ""),
}


@pytest.mark.parametrize("name", FILES)
def test_image_files(name, tmp_path):
    content, says = FILES[name]
    for n in range(3):
        save_image(tmp_path / f"good {n}.png", seed=n)
    (tmp_path / name).write_bytes(content)
    found = load("image_folder", path=str(tmp_path), image_size=8)
    assert len(found.train) + len(found.test) == (4 if says is None else 3)
    assert found.notes == () if says is None else name in found.notes[0] and says in found.notes[0]


ODD_NAMES = [
    b"new\nline", b"tab\t", b"\xff\xfe", b"\x1b[31mred", "umlaut ä b".encode(), b"a'b\"c", b"[a,b]=${c}", b"%s {0}",
    b"-rf", b"a" * 200, "日本".encode(), "\u202eabc".encode(),
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_names_of_all_kinds(name, tmp_path):
    """As the folder, as a class, as a file that is read and as one that is skipped."""
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    for number, kind in enumerate((os.fsdecode(name), "other")):
        for n in range(3):
            save_image(root / kind / f"{os.fsdecode(name)}{n}.png", seed=10 * number + n)
    (root / "other" / f"{os.fsdecode(name)}.txt").touch()
    for _ in range(2):  # the second time from the cache
        found = load("image_folder", path=str(root), image_size=8)
        assert len(found.train) + len(found.test) == 6 and len(found.class_names) == 2
        for said in (*found.class_names, *found.notes):
            assert said.isprintable() and said.encode()
        assert "1 of 7 files skipped" in found.notes[0]


@pytest.mark.parametrize("name", ["umlaut ä b", "two  spaces", "日本", "a=b,c", "100%"])
def test_paths_of_all_kinds(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    np.savez(folder / f"{name}.npz", x=x())
    assert len(load("npz", path=str(folder / f"{name}.npz"), **ALONE).train) == 8
    assert len(load("npz", path=f"{name}.npz", data_dir=folder, **ALONE).train) == 8
    write_mnist(folder / "mnist")
    assert len(load("mnist", data_dir=folder, files=unchecked("mnist")).train) == 20


def tree(root):
    for part, n in (("train", 4), ("test", 2)):
        for kind in "ab":
            for i in range(n):
                save_image(root / part / kind / f"{i}.png", seed=100 * n + 10 * ord(kind) + i)
    return root


LINKS = {
    "a loop to the top": lambda r: os.symlink(r, r / "train" / "a" / "loop"),
    "a loop to the parent": lambda r: os.symlink("..", r / "test" / "a" / "up"),
    "two that lead to each other": lambda r: [
        os.symlink(r / "train" / b, r / "train" / a / "x") for a, b in ("ab", "ba")
    ],
    "one that leads to itself": lambda r: os.symlink("self.png", r / "train" / "a" / "self.png"),
    "one that leads nowhere": lambda r: os.symlink("nowhere", r / "train" / "a" / "gone.png"),
    "a test image among the training ones": lambda r: os.symlink(r / "test/a/0.png", r / "train/a/leak.png"),
    "the test class among the training ones": lambda r: os.symlink(r / "test" / "a", r / "train" / "a" / "more"),
    "a class twice": lambda r: os.symlink(r / "train" / "a", r / "train" / "a2"),
    "a hard link": lambda r: os.link(r / "train" / "a" / "0.png", r / "test" / "a" / "same.png"),
    "a pipe": lambda r: os.mkfifo(r / "train" / "a" / "pipe.png"),
    "a device": lambda r: os.symlink("/dev/zero", r / "train" / "a" / "zero.png"),
    "another kind of file": lambda r: (r / "train" / "a" / "notes.txt").touch(),
}


@pytest.mark.parametrize("add", LINKS.values(), ids=LINKS)
def test_every_file_of_a_folder_counts_once(add, tmp_path):
    root = tree(tmp_path / "photos")
    add(root)
    found = load("image_folder", path=str(root), image_size=8)
    assert len(found.train) + len(found.test) == 12 and found.class_names == ("a", "b")
    assert "skipped: " in found.notes[0]
    rows = [{row.tobytes() for row in split.x[0][:]} for split in (found.train, found.test)]
    assert len(rows[0] | rows[1]) == 12 and not rows[0] & rows[1]


def test_classes_may_be_links_to_folders_elsewhere(tmp_path):
    tree(tmp_path / "store")
    for kind in "ab":
        (tmp_path / "photos").mkdir(exist_ok=True)
        os.symlink(tmp_path / "store" / "train" / kind, tmp_path / "photos" / kind)
    found = load("image_folder", path=str(tmp_path / "photos"), image_size=8)
    assert len(found.train) + len(found.test) == 8 and found.class_names == ("a", "b") and found.notes == ()


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root, scan = tree(tmp_path / "photos"), os.scandir

    def refusing(path):
        if os.fspath(path).endswith("train/b"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert "train/b (cannot be read: Permission denied)" in load("image_folder", path=str(root), image_size=8).notes[0]


def test_classes_that_differ_in_capitals_only_are_named(tmp_path):
    for kind in ("Cat", "cat"):
        for n in range(2):
            save_image(tmp_path / kind / f"{n}.png", seed=len(kind) + n)
    assert "capitals only: Cat and cat" in load("image_folder", path=str(tmp_path), image_size=8).notes[0]


@pytest.mark.parametrize("classes", [["a", "a"], ["a", "b", "a"], []], ids=str)
@pytest.mark.parametrize("dataset", ["image_folder", "caltech101"])
def test_a_class_chosen_twice_is_refused_before_anything_is_read(dataset, classes, tmp_path):
    own = {"path": str(tmp_path)} if dataset == "image_folder" else {}
    with pytest.raises(ConfigError, match=r"dataset.classes: expected different names"):
        load(dataset, data_dir=tmp_path, classes=classes, **own)
