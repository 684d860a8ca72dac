import io
import tarfile

import numpy as np
import pytest
from PIL import Image
from small_data import load, save_image

from vaelab.datasets import archive
from vaelab.errors import DataError

FOLDER = "101_ObjectCategories"


def unpacked(root, n_classes=4, n=5):
    for k in range(n_classes):
        for i in range(n):
            size = (30 + 2 * i, 20 + k)
            save_image(root / FOLDER / f"class_{k:03}" / f"image_{i:04}.jpg", size=size, seed=100 * k + i)
    return root


def packed(root, target, extra=()):
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as tar:
        tar.add(root / FOLDER, FOLDER)
        for name, content in extra:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def caltech(path, **changes):
    return load("caltech101", data_dir=path, **{"image_size": 12, **changes})


def test_archive_and_folder_give_the_same(tmp_path):
    unpacked(tmp_path / "a" / "caltech101")
    packed(tmp_path / "a" / "caltech101", tmp_path / "b" / "caltech-101" / f"{FOLDER}.tar.gz")
    a, b = caltech(tmp_path / "a"), caltech(tmp_path / "b")
    assert a.shapes == ((12, 12, 3),) and a.class_names == tuple(f"class_{k:03}" for k in range(4))
    assert np.bincount(a.train.y).tolist() == [4] * 4 and np.bincount(a.test.y).tolist() == [1] * 4
    rows = [{x.tobytes() for x in np.concatenate([d.train.x[0][:], d.test.x[0][:]])} for d in (a, b)]
    assert rows[0] == rows[1] and len(rows[0]) == 20
    assert "4 of 102 class folders" in a.notes[0]


def test_pixels_are_the_published_preprocessing(tmp_path):
    unpacked(tmp_path)
    found = caltech(tmp_path, image_size=13)
    with Image.open(tmp_path / FOLDER / "class_002" / "image_0003.jpg") as image:
        expected = np.asarray(image.convert("RGB").resize((13, 13), Image.Resampling.LANCZOS))
    rows = np.concatenate([found.train.x[0][:], found.test.x[0][:]])
    y = np.concatenate([found.train.y, found.test.y])
    assert y[[np.array_equal(expected, x) for x in rows]].tolist() == [2]


def test_chosen_classes(tmp_path):
    packed(unpacked(tmp_path / "src"), tmp_path / f"{FOLDER}.tar.gz")
    found = caltech(tmp_path, classes=["class_003", "class_001"])
    assert found.class_names == ("class_003", "class_001") and len(found.train) == 8 and found.notes == ()
    with pytest.raises(DataError, match=r"no class 'class_010'. Did you mean"):
        caltech(tmp_path, classes=["class_001", "class_010"])


def test_all_102_folders_with_what_else_the_official_archive_holds(tmp_path):
    unpacked(tmp_path / "src", n_classes=102, n=2)
    extra = [
        (f"{FOLDER}/class_000/tmp", b"x"),
        (f"{FOLDER}/.DS_Store", b"x"),
        (f"{FOLDER}/class_000/._image_0001.jpg", b"x"),
    ]
    packed(tmp_path / "src", tmp_path / f"{FOLDER}.tar.gz", extra)
    found = caltech(tmp_path)
    assert len(found.class_names) == 102 and found.notes == () and len(found.train) == len(found.test) == 102


def test_a_broken_image_is_named_and_skipped(tmp_path):
    packed(unpacked(tmp_path / "src"), tmp_path / f"{FOLDER}.tar.gz", [(f"{FOLDER}/class_001/bad.jpg", b"no image")])
    found = caltech(tmp_path)
    assert "1 of 21 files skipped: class_001/bad.jpg" in found.notes[0]
    assert caltech(tmp_path).notes == found.notes  # also from the cache


def test_the_archive_is_decoded_once(tmp_path, monkeypatch):
    packed(unpacked(tmp_path / "src"), tmp_path / f"{FOLDER}.tar.gz")
    first = caltech(tmp_path).checksum()
    monkeypatch.setattr(archive.tarfile, "open", lambda *_: pytest.fail("opened again"))
    assert caltech(tmp_path).checksum() == first


@pytest.mark.parametrize("name", ["../escaped.jpg", "/tmp/escaped.jpg", f"{FOLDER}/a/../../escaped.jpg"])
def test_unsafe_names_are_refused(tmp_path, name):
    packed(unpacked(tmp_path / "src"), tmp_path / f"{FOLDER}.tar.gz", [(name, b"x")])
    with pytest.raises(DataError, match="unsafe name"):
        caltech(tmp_path)


@pytest.mark.parametrize("lost", [1, 9, 30, 300, 511, 2000, 5000])
def test_cut_archives(tmp_path, lost):
    path = packed(unpacked(tmp_path / "src"), tmp_path / f"{FOLDER}.tar.gz")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(DataError, match=r"cannot be read as a tar archive.*af6ece2f.*data\.caltech\.edu"):
        caltech(tmp_path)


def test_an_archive_without_images(tmp_path):
    path = tmp_path / f"{FOLDER}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("something_else"))
    with pytest.raises(DataError, match="holds no images"):
        caltech(tmp_path)


def test_the_split_does_not_follow_the_runs_seed_but_its_own(tmp_path):
    unpacked(tmp_path)
    a, b, c = caltech(tmp_path), caltech(tmp_path, seed=5), caltech(tmp_path, data_seed=5)
    assert a.checksum() == b.checksum() != c.checksum()


@pytest.mark.slow
@pytest.mark.parametrize("size", [94, 128])
def test_the_real_archive(shared_data, size):
    found = caltech(shared_data, image_size=size)
    assert found.shapes == ((size, size, 3),) and "pizza" in found.class_names
    assert len(found.train) + len(found.test) == 570
