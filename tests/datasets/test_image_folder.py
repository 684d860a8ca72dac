import errno
import io
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import load, save_image

from vaelab.datasets import image_cache
from vaelab.datasets.base import Rows
from vaelab.errors import ConfigError, DataError


def folder(root, classes=("cat", "dog"), n=5, suffix=".png", **options):
    for k, name in enumerate(classes):
        for i in range(n):
            save_image(root / name / f"{i}{suffix}", seed=10 * k + i, **options)
    return root


def images(path, **changes):
    return load("image_folder", path=str(path), **{"image_size": 8, **changes})


def every_row(dataset):
    return np.concatenate([dataset.train.x[0][:], dataset.test.x[0][:]])


def test_classes_are_sub_folders_and_every_image_is_read_once(tmp_path):
    found = images(folder(tmp_path / "photos"))
    assert found.class_names == ("cat", "dog") and found.shapes == ((8, 8, 3),)
    assert np.bincount(found.train.y).tolist() == [4, 4] and np.bincount(found.test.y).tolist() == [1, 1]
    assert isinstance(found.train.x[0], Rows) and found.train.x[0].dtype == np.uint8
    assert len(np.unique(every_row(found), axis=0)) == 10 and found.notes == ()


def test_pixels_are_pillows_lanczos(tmp_path):
    array = save_image(tmp_path / "a" / "0.png")
    save_image(tmp_path / "b" / "0.png", seed=1)
    save_image(tmp_path / "b" / "1.png", seed=2)
    found = images(tmp_path, image_size=[6, 5], validation=0.0)
    expected = np.asarray(Image.fromarray(array).resize((5, 6), Image.Resampling.LANCZOS))
    assert any(np.array_equal(expected, x) for x in every_row(found))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_fits(tmp_path, fit):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, :10, 0], wide[:, 10:20, 1], wide[:, 20:, 2] = 255, 255, 255
    for i in range(2):
        (tmp_path / f"{i}").mkdir()
        Image.fromarray(wide).save(tmp_path / f"{i}" / "x.png")
        Image.fromarray(wide).save(tmp_path / f"{i}" / "y.png")
    x = images(tmp_path, image_size=12, fit=fit).train.x[0][0]
    left, middle, right = x[6, 1], x[6, 6], x[6, 10]
    assert middle[1] > 200
    if fit == "crop":
        assert left[1] > 200 and right[1] > 200  # only the green middle is left
    else:
        assert left[0] > 200 and right[2] > 200
    assert (x[0].max() == 0) == (fit == "pad")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".PNG", ".JPG"])
def test_formats(tmp_path, suffix):
    folder(tmp_path, n=2, suffix=suffix)
    assert len(every_row(images(tmp_path))) == 4


def test_grey_and_colour(tmp_path):
    folder(tmp_path / "rgb", n=2)
    folder(tmp_path / "grey", n=2, mode="L")
    for path in ("rgb", "grey"):
        assert images(tmp_path / path, color="grey").shapes == ((8, 8, 1),)
        assert images(tmp_path / path, color="rgb").shapes == ((8, 8, 3),)


def decoded(array, mode=None, size=4, **save):
    content = io.BytesIO()
    Image.fromarray(array, mode).save(content, **{"format": "PNG", **save})
    return image_cache.decode(content.getvalue(), image_cache.Recipe((size, size), "rgb", "stretch"))


def test_unusual_pixels():
    sixteen = np.full((4, 4), 257 * 100, np.uint16)
    assert decoded(sixteen).tolist() == np.full((4, 4, 3), 100).tolist()
    transparent = np.zeros((4, 4, 4), np.uint8)
    assert decoded(transparent).min() == 255  # transparent shows white
    assert decoded(np.full((4, 4), 0.5, np.float32), format="TIFF").max() == 128
    assert "expected 0 to 1" in decoded(np.full((4, 4), 7.0, np.float32), format="TIFF")
    palette = Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).quantize(2)
    content = io.BytesIO()
    palette.save(content, "GIF")
    assert image_cache.decode(content.getvalue(), image_cache.Recipe((4, 4), "grey", "stretch")).mean() == 90


def test_photographs_stand_as_the_camera_was_held():
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    turned = decoded(picture, size=8, format="JPEG", quality=95, exif=exif)
    assert turned[:, 6:].mean() > 200 and turned[:, :2].mean() < 50


def test_large_photographs_are_decoded_smaller_and_look_the_same():
    smooth = np.linspace(0, 255, 1600).astype(np.uint8)[None, :, None].repeat(1600, 0).repeat(3, 2)
    small = decoded(smooth, size=16, format="JPEG", quality=95).astype(int)
    assert np.abs(small - np.linspace(8, 247, 16)[None, :, None]).max() < 6


def test_train_and_test_folders_are_the_splits(tmp_path):
    folder(tmp_path / "train", n=3)
    folder(tmp_path / "test", n=2)
    save_image(tmp_path / "stray.png")
    found = images(tmp_path)
    assert (len(found.train), len(found.test)) == (6, 4) and found.class_names == ("cat", "dog")
    assert "stray.png" in found.notes[0]


def mvtec(root, masked=("000", "001")):
    """A folder as MVTec AD has it: normal training images, test images with a hole, and masks of the holes."""
    folder(root / "train", classes=("good",), n=3)
    folder(root / "test", classes=("good",), n=2)
    folder(root / "test", classes=("hole",), n=0)
    for k in range(2):
        save_image(root / "test" / "hole" / f"{k:03d}.png", seed=50 + k)
    for name in masked:
        pixels = np.zeros((8, 8), np.uint8)
        pixels[: 2 + 2 * int(name)] = 255
        (root / "ground_truth" / "hole").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / "ground_truth" / "hole" / f"{name}_mask.png")
    return root


def test_masks_beside_the_splits_are_those_of_the_test_images(tmp_path):
    found = images(mvtec(tmp_path))
    assert found.class_names == ("good", "hole") and found.train.masks is None and not found.notes
    assert found.test.masks.shape == (4, 8, 8, 1)
    rows = [int((m > 127).sum() / 8) for m in found.test.masks]
    assert sorted(rows) == [0, 0, 2, 4] and all((r > 0) == (y == 1) for r, y in zip(rows, found.test.y))
    larger = images(tmp_path, resize=[16, 16], pad_to=[18, 18]).test
    assert larger.masks.shape == (4, 18, 18, 1) and larger.x[0].shape[1:3] == (18, 18)
    for row, mask in zip(rows, larger.masks):
        assert abs(int((mask > 127).sum()) - 2 * row * 16) <= 16


def test_a_mask_that_is_missing_is_told(tmp_path):
    with pytest.raises(DataError, match=r"no mask of test/hole/001.png.*ground_truth/hole/001_mask.png"):
        images(mvtec(tmp_path, masked=("000",)))


def test_only_one_of_train_and_test_is_no_split(tmp_path):
    folder(tmp_path / "train", n=3)
    assert images(tmp_path / "train").class_names == ("cat", "dog")
    with pytest.raises(DataError, match="one class only, 'train'"):
        images(tmp_path)


def test_images_without_class_folders_have_no_labels(tmp_path):
    for i in range(6):
        save_image(tmp_path / f"{i}.png", seed=i)
    found = images(tmp_path)
    assert found.class_names == () and found.train.y is None and found.notes == ()
    save_image(tmp_path / "inside" / "0.png", seed=9)
    assert "outside class folders" in images(tmp_path).notes[0]


def test_one_class_says_nothing_unless_asked_to_be_ignored(tmp_path):
    folder(tmp_path, classes=["cat"])
    with pytest.raises(DataError, match=r"one class only, 'cat'.*dataset.labels=none"):
        images(tmp_path)
    assert images(tmp_path, labels="none").class_names == ()


def test_chosen_classes_in_their_order(tmp_path):
    folder(tmp_path, classes=["ant", "bee", "cat"])
    found = images(tmp_path, classes=["cat", "ant"])
    assert found.class_names == ("cat", "ant") and len(every_row(found)) == 10
    with pytest.raises(DataError, match=r"no class 'bees'. Did you mean 'bee'"):
        images(tmp_path, classes=["ant", "bees"])
    with pytest.raises(ConfigError, match=r"dataset.labels=folder"):
        images(tmp_path, classes=["ant", "bee"], labels="none")


def test_broken_and_foreign_files_are_named_skipped_and_counted(tmp_path):
    folder(tmp_path)
    (tmp_path / "cat" / "cut.png").write_bytes((tmp_path / "cat" / "0.png").read_bytes()[:300])
    (tmp_path / "cat" / "empty.jpg").touch()
    (tmp_path / "cat" / "text.png").write_text("no image")
    (tmp_path / "dog" / "notes.txt").write_text("hello")
    (tmp_path / "dog" / ".hidden.png").write_text("left out in silence")
    os.symlink(tmp_path / "nowhere", tmp_path / "dog" / "dangling.png")
    Image.new("L", (1, 1)).save(tmp_path / "dog" / "pixel.png")
    found = images(tmp_path)
    assert len(every_row(found)) == 10 and len(found.notes) == 1
    for part in ("6 of 16 files skipped", "cut.png", "empty.jpg", "text.png", "notes.txt", "dangling.png", "one pixel"):
        assert part in found.notes[0]
    again = images(tmp_path)  # from the cache
    assert again.notes == found.notes and again.checksum() == found.checksum()


def test_none_readable_is_an_error(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_text("no image")
    with pytest.raises(
        DataError, match=r"none of 20 files can be read as an image: 0.png \(no known image format.*and 10 more"
    ):
        images(tmp_path)


def test_one_readable_image_cannot_be_split(tmp_path):
    save_image(tmp_path / "a.png")
    with pytest.raises(DataError, match="at least two"):
        images(tmp_path)


def test_no_images_no_folder_no_path(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match="no image files in"):
        images(tmp_path / "photos")
    (tmp_path / "photos" / "a.txt").touch()
    with pytest.raises(DataError, match=r"1 other files, for instance a.txt"):
        images(tmp_path / "photos")
    with pytest.raises(DataError, match=r"Did you mean .*photos"):
        images(tmp_path / "photo")
    with pytest.raises(DataError, match="is a file"):
        images(tmp_path / "photos" / "a.txt")
    with pytest.raises(ConfigError, match=r"dataset.path=FOLDER"):
        images("")


def test_the_path_may_be_relative_to_the_data_folder(tmp_path):
    folder(tmp_path / "data" / "photos", n=2)
    found = load("image_folder", path="photos", image_size=8, data_dir=tmp_path / "data")
    assert len(every_row(found)) == 4


def test_a_picture_of_8000_by_8000_pixels(tmp_path):
    folder(tmp_path, n=2)
    Image.new("RGB", (8000, 8000), (10, 20, 30)).save(tmp_path / "cat" / "huge.png", compress_level=1)
    found = images(tmp_path)
    assert found.notes == () and any((x == (10, 20, 30)).all() for x in every_row(found))


def test_more_pixels_than_any_picture_has_are_skipped(tmp_path, monkeypatch):
    folder(tmp_path, n=2)
    monkeypatch.setattr(image_cache, "MOST_PIXELS", 1000)
    save_image(tmp_path / "cat" / "bomb.png", size=(100, 100))
    assert "100x100 pixels are too many" in images(tmp_path).notes[0]


# the cache


def cached(own_cache):
    return sorted(p.name for p in (own_cache / "images").iterdir() if p.is_file() and not p.name.startswith("."))


def test_decoded_once_per_content_and_settings(tmp_path, own_cache, monkeypatch):
    folder(tmp_path / "photos")
    first = images(tmp_path / "photos")
    assert len(cached(own_cache)) == 2
    with monkeypatch.context() as patched:
        patched.setattr(image_cache, "decode", lambda *_: pytest.fail("decoded again"))
        assert images(tmp_path / "photos").checksum() == first.checksum()
        shutil.copytree(tmp_path / "photos", tmp_path / "copy")
        assert images(tmp_path / "copy").checksum() == first.checksum()  # the same content elsewhere
    images(tmp_path / "photos", image_size=9)
    assert len(cached(own_cache)) == 4


def test_changed_content_is_decoded_anew(tmp_path):
    folder(tmp_path)
    first = images(tmp_path)
    path = tmp_path / "cat" / "0.png"
    stat = path.stat()
    Image.new("RGB", (20, 12), (1, 2, 3)).save(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert any((x == (1, 2, 3)).all() for x in every_row(images(tmp_path)))
    assert first.checksum() != images(tmp_path).checksum()


def test_a_cache_cut_short_by_other_hands_is_made_again(tmp_path, own_cache):
    first = images(folder(tmp_path / "photos")).checksum()
    (data,) = (own_cache / "images").glob("*.images")
    data.write_bytes(data.read_bytes()[:-1])
    assert images(tmp_path / "photos").checksum() == first
    (about,) = (own_cache / "images").glob("*.json")
    about.write_text("{")
    assert images(tmp_path / "photos").checksum() == first


def test_an_interrupted_decoding_leaves_nothing_half_written(tmp_path, own_cache, monkeypatch):
    real, n = image_cache.decode, []

    def interrupted(*args):
        n.append(1)
        if len(n) == 4:
            raise KeyboardInterrupt
        return real(*args)

    folder(tmp_path / "photos")
    with monkeypatch.context() as patched:
        patched.setattr(image_cache, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            images(tmp_path / "photos")
    assert cached(own_cache) == []
    assert len(every_row(images(tmp_path / "photos"))) == 10


class FullDisk(io.RawIOBase):
    def write(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_decoding(tmp_path, own_cache, monkeypatch):
    real = image_cache._write
    monkeypatch.setattr(image_cache, "_write", lambda file, *args: real(FullDisk(), *args))
    with pytest.raises(DataError, match=r"the disk is full.*VAELAB_CACHE.*nothing half-written"):
        images(folder(tmp_path / "photos"))
    assert cached(own_cache) == []


def test_a_disk_that_is_full_already(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(DataError, match="the disk is full"):
        images(folder(tmp_path / "photos"))


def test_no_permission_to_write_the_cache(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(
        "VAELAB_CACHE", str(tmp_path / "file")
    )  # a folder below a file: no one may make it, not even root
    with pytest.raises(DataError, match=r"cannot be written to .*VAELAB_CACHE"):
        images(folder(tmp_path / "photos"))


def test_another_users_cache_is_refused_with_a_sentence(tmp_path, monkeypatch, own_cache):
    folder(tmp_path / "photos")
    own_cache.mkdir(mode=0o555)
    monkeypatch.setenv("VAELAB_CACHE", str(own_cache / "inner"))
    if os.access(own_cache, os.W_OK):  # root may write everywhere: it is told what the system tells all others
        make = Path.mkdir

        def refusing(path, *args, **more):
            if own_cache in path.parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            make(path, *args, **more)

        monkeypatch.setattr(Path, "mkdir", refusing)
    with pytest.raises(DataError, match="cannot be written to"):
        images(tmp_path / "photos")


def test_a_finished_cache_is_read_without_permission_to_write(tmp_path, own_cache, monkeypatch):
    first = images(folder(tmp_path / "photos")).checksum()
    monkeypatch.setattr(image_cache, "_build_once", lambda *_: pytest.fail("built again"))
    assert images(tmp_path / "photos").checksum() == first


def _start(path, cache, barrier, queue):
    os.environ["VAELAB_CACHE"] = str(cache)
    made = []
    real = image_cache.decode
    image_cache.decode = lambda *a: made.append(1) or real(*a)
    barrier.wait()
    queue.put((images(path).checksum(), len(made)))


def test_two_processes_at_once_decode_once(tmp_path, own_cache):
    folder(tmp_path / "photos", n=40)
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(3), context.Queue()
    arguments = (tmp_path / "photos", own_cache, barrier, queue)
    processes = [context.Process(target=_start, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert len({checksum for checksum, _ in found}) == 1
    assert sorted(n for _, n in found) == [0, 0, 80]


def test_shared_options_stay_on_disk(tmp_path):
    found = images(folder(tmp_path), pad_to=[10, 10], binarize="static", limit=6)
    assert isinstance(found.train.x[0], Rows) and found.shapes == ((10, 10, 3),)
    assert set(np.unique(found.train.x[0][:])) == {0, 255} and len(found.train) == 6
