import subprocess
import sys

import numpy as np
import pytest

from vaelab.datasets.base import (
    Dataset,
    Rows,
    Split,
    Stack,
    chunks,
    hold_out,
    map_rows,
    split_rows,
    static_draw,
    thresholded,
)
from vaelab.errors import DataError


@pytest.fixture
def mapped(tmp_path):
    array = np.random.default_rng(0).integers(256, size=(50, 4, 3, 2), dtype=np.uint8)
    np.save(tmp_path / "x.npy", array)
    return array, np.load(tmp_path / "x.npy", mmap_mode="r")


KEYS = [3, -1, slice(2, 9), slice(None, None, -3), np.array([4, 4, 0]), np.arange(50) % 3 == 0, np.array([], int)]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_rows_read_like_the_array(mapped, key):
    array, mapping = mapped
    picked = np.random.default_rng(1).permutation(50)[:30]
    assert np.array_equal(Rows(mapping)[key], array[key])
    if not (isinstance(key, np.ndarray) and key.dtype == bool):
        assert np.array_equal(Rows(mapping, picked)[key], array[picked][key])


def test_rows_know_their_shape_without_reading(mapped):
    rows = Rows(mapped[1]).take(slice(0, 7))
    assert (rows.shape, rows.dtype, rows.ndim, len(rows), rows.nbytes) == ((7, 4, 3, 2), np.uint8, 4, 7, 7 * 24)
    assert np.array_equal(np.asarray(rows), mapped[0][:7])
    assert np.array_equal(rows[1:3, 0], mapped[0][1:3, 0]) and np.array_equal(rows[2, 1], mapped[0][2, 1])


def test_steps_are_applied_to_what_is_read_with_the_row_of_the_base(mapped):
    rows = Rows(mapped[1]).take(np.array([7, 3])).then(lambda x, r: x[..., :1] * 0 + r[:, None, None, None], (4, 3, 1))
    assert rows.shape == (2, 4, 3, 1) and rows[:].max(axis=(1, 2, 3)).tolist() == [7, 3]
    assert rows.take(np.array([1]))[0].max() == 3


def test_stack_reads_across_its_parts(mapped):
    array, mapping = mapped
    stack = Stack([mapping[:10], mapping[10:11], mapping[11:]])
    rows = np.random.default_rng(2).permutation(50)
    assert stack.shape == array.shape and np.array_equal(stack[rows], array[rows])
    assert np.array_equal(Rows(stack)[rows], array[rows])


def test_a_split_keeps_memory_maps_on_disk_and_arrays_read_only(mapped):
    array, mapping = mapped
    split = Split((mapping, array.copy()), np.arange(50))
    assert isinstance(split.x[0], Rows)
    with pytest.raises(ValueError):
        split.x[1][0] = 0
    taken = split.take(np.array([5, 2]))
    assert isinstance(taken.x[0], Rows) and np.array_equal(taken.x[0][:], array[[5, 2]]) and taken.y.tolist() == [5, 2]


def test_reading_a_memory_map_does_not_keep_it_in_memory(tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    program = f"""
import numpy as np, psutil
from vaelab.datasets.base import Rows, chunks
x = Rows(np.memmap({str(path)!r}, np.uint8, "r", shape=(6000, 50000)))
before = psutil.Process().memory_info().rss
order = np.random.default_rng(0).permutation(6000)
for start in range(0, 6000, 100):
    x[order[start : start + 100]]
for rows in chunks(x):
    x[rows]
print((psutil.Process().memory_info().rss - before) / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 80


def test_chunks_cover_all_rows_once_and_stay_small():
    x = np.empty((100_001, 1024), np.uint8)
    found = list(chunks(x))
    assert [f.start for f in found[1:]] == [f.stop for f in found[:-1]] and found[-1].stop == len(x)
    assert len(found) > 5
    assert list(chunks(np.empty((0, 3), np.uint8))) == []


def test_map_rows_gives_the_same_in_memory_and_on_disk(mapped):
    def step(x, rows):
        return x[:, ::2].astype(np.float32) + rows[:, None, None, None]

    now, later = (map_rows(v, step, (2, 3, 2), np.float32) for v in mapped)
    assert isinstance(later, Rows) and now.dtype == later.dtype == np.float32
    assert np.array_equal(now, later[:]) and np.array_equal(now[[9, 1]], later[np.array([9, 1])])


def test_hold_out_splits_without_overlap_in_row_order():
    split = Split((np.zeros((100, 1, 1, 1), np.uint8),), np.arange(100))
    rest, held = hold_out(split, 0.1, np.random.default_rng(0))
    assert len(held) == 10 and sorted([*rest.y, *held.y]) == list(range(100))
    assert (np.diff(rest.y) > 0).all() and (np.diff(held.y) > 0).all()
    rest, held = hold_out(split, 30, np.random.default_rng(0))
    assert rest.y.tolist() == list(range(70)) and held.y.tolist() == list(range(70, 100)), "the last so many"
    for too_many in (1.0, 100):
        with pytest.raises(DataError, match="nothing would be left"):
            hold_out(split, too_many, np.random.default_rng(0))


def test_split_rows_holds_out_a_share_of_every_class():
    y = np.repeat([0, 1, 2], [50, 10, 1])
    train, test = split_rows(len(y), 0.2, 0, y)
    assert sorted([*train, *test]) == list(range(61))
    assert np.bincount(y[test], minlength=3).tolist() == [10, 2, 0]  # the class of one image is trained on
    assert len(set(y[train[:20]])) > 1  # shuffled: the first rows are a fair sample
    again = split_rows(len(y), 0.2, 0, y)
    assert np.array_equal(train, again[0]) and not np.array_equal(train, split_rows(len(y), 0.2, 1, y)[0])
    with pytest.raises(DataError, match="at least two"):
        split_rows(1, 0.2, 0)


def test_static_draw_has_the_right_frequencies_and_depends_on_row_and_view_alone():
    key = np.random.SeedSequence([0, 6, 0])
    x = np.broadcast_to(np.array([0, 51, 128, 255], np.uint8)[:, None, None], (30, 4, 500, 1))
    rows = np.arange(30)
    drawn = static_draw(x, rows, key)
    assert set(np.unique(drawn)) == {0, 255}
    share = (drawn > 0).mean(axis=(0, 2, 3))
    assert share[0] == 0 and share[3] == 1 and np.allclose(share[1:3], [0.2, 128 / 255], atol=0.02)
    assert np.array_equal(static_draw(x[[7, 3]], np.array([7, 3]), key), drawn[[7, 3]])
    assert not np.array_equal(static_draw(x, rows, key, view=1), drawn)
    as_float = static_draw(x.astype(np.float32) / np.float32(255), rows, key)
    assert np.array_equal(as_float, drawn)


def test_threshold_is_at_one_half():
    assert thresholded(np.array([127, 128], np.uint8)).tolist() == [0, 255]
    assert thresholded(np.array([0.49, 0.5], np.float32)).tolist() == [0, 255]


def test_checksum_sees_images_and_labels(mapped):
    array, mapping = mapped
    a = Dataset("a", Split((array,), np.arange(50)), Split((array[:3],)))
    b = Dataset("b", Split((mapping,), np.arange(50)), Split((array[:3],)))
    c = Dataset("c", Split((array,), np.arange(50)[::-1].copy()), Split((array[:3],)))
    assert a.checksum() == b.checksum() != c.checksum()


def test_parts_of_a_split_have_equal_length():
    with pytest.raises(ValueError, match="equal length"):
        Split((np.zeros((3, 1, 1, 1)),), np.zeros(2, int))


def test_colour_is_not_stamped_grey():
    def kind(channels, **more):
        images = (np.zeros((4, 2, 2, channels), np.uint8),)
        return Dataset("d", Split(images), Split(images), **more).data_kind

    assert kind(1) == "grey" and kind(3) == "rgb" and kind(3, values="real") == "real"
    assert kind(3, binarize="dynamic") == "dynamic"
