from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_data import load, node, unchecked, write_mnist

from vaelab.datasets.base import DataFacts, Dataset, Rows, Split
from vaelab.datasets.prepare import declared_facts, declared_shapes, padded, prepare, resized
from vaelab.errors import ConfigError, DataError

PLAIN = {
    "limit": None, "normal_classes": None, "labelled": None, "validation": 0.1, "binarize": "none",
    "standardize": False, "resize": None, "pad_to": None, "epochs": 1, "shape": None,
}  # fmt: skip


def made(x, test=None, **more):
    return Dataset("made", Split((x,)), Split((x if test is None else test,)), **more)


def prepared(dataset, *, seed=0, validation=False, **options):
    return prepare(dataset, PLAIN | options, seed=seed, validation=validation)


def grey(n=40, side=6, seed=0):
    return np.random.default_rng(seed).integers(256, size=(n, side, side, 1), dtype=np.uint8)


def test_floats_are_of_eight_bits_where_they_are_its_levels():
    levels = grey().astype(np.float32) / 255
    assert made(grey()).eight_bit and made(levels).eight_bit and made(levels.astype(np.float16)).eight_bit
    assert not made(levels * 0.999).eight_bit and not made(np.random.default_rng(0).random((9, 6, 6, 1))).eight_bit


def test_nothing_asked_nothing_changed():
    dataset = made(grey())
    found = prepared(dataset)
    assert found.train.x[0] is dataset.train.x[0] and found.validation is None and found.data_kind == "grey"


def test_limit_takes_the_first_training_images_and_leaves_the_test_split_whole():
    x = grey()
    found = prepared(made(x), limit=7)
    assert np.array_equal(found.train.x[0], x[:7]) and len(found.test) == len(made(x).test)


def test_validation_is_held_out_of_training_and_follows_the_seed():
    x = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)
    found = prepared(made(x), validation=True)
    train, held = (set(s.x[0][:, 0, 0, 0].tolist()) for s in (found.train, found.validation))
    assert len(held) == 10 and not train & held and train | held == set(range(100))
    again, other = prepared(made(x), validation=True), prepared(made(x), validation=True, seed=1)
    assert np.array_equal(again.validation.x[0], found.validation.x[0])
    assert not np.array_equal(other.validation.x[0], found.validation.x[0])
    assert len(prepared(made(x), validation=False).train) == 100


@pytest.mark.parametrize("how", ["none", "dynamic"])
def test_so_many_of_the_last_images_are_held_out_whatever_the_seed(how):
    x = grey()
    options = PLAIN | {"validation": 8, "binarize": how}
    one, two = (prepare(made(x), options, seed=s, validation=True) for s in (0, 1))
    assert np.array_equal(one.train.x[0], x[:-8]) and np.array_equal(one.validation.x[0], two.validation.x[0])
    assert how == "dynamic" or np.array_equal(one.validation.x[0], x[-8:])
    with pytest.raises(DataError, match="Cannot hold out"):
        prepare(made(x), options | {"limit": 8}, seed=0, validation=True)


def test_an_enumerated_set_is_validated_on_itself():
    split = Split((grey(4),))
    found = prepared(Dataset("points", split, split, enumerated=True), validation=True)
    assert len(found.train) == 4 and found.validation is found.test


def test_threshold_and_static_make_every_split_binary():
    x = grey()
    for how in ("threshold", "static"):
        found = prepared(made(x), binarize=how, validation=True)
        assert found.data_kind == how
        for split in (found.train, found.validation, found.test):
            assert split.x[0].dtype == np.uint8 and set(np.unique(split.x[0])) == {0, 255}
    assert np.array_equal(prepared(made(x), binarize="threshold").train.x[0], np.where(x >= 128, 255, 0))


def test_static_is_one_draw_that_neither_the_runs_seed_nor_limit_changes():
    x = grey()
    first, again, other = (
        prepared(made(x), binarize="static", binarize_seed=s, seed=s + 5).train.x[0] for s in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    a, b = (prepared(made(x), binarize="static", binarize_seed=0, seed=s, validation=True) for s in (0, 1))
    assert np.array_equal(a.test.x[0], b.test.x[0])
    first = prepared(made(x), binarize="static").train.x[0]
    assert np.array_equal(prepared(made(x), binarize="static", limit=5).train.x[0], first[:5])
    assert not np.array_equal(first, prepared(made(x), binarize="static").test.x[0])  # a stream of its own


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_of_before_binarize_seed_keeps_the_pixels_of_its_own_seed(seed):
    x = grey()
    older, drawn = (
        prepared(made(x), binarize="static", seed=seed),
        prepared(made(x), binarize="static", binarize_seed=seed),
    )
    assert older.checksum() == drawn.checksum()
    assert (older.checksum() == prepared(made(x), binarize="static", binarize_seed=0, seed=seed).checksum()) == (
        not seed
    )


def test_dynamic_leaves_training_grey_and_fixes_the_rest_once_for_all_seeds():
    x = grey()
    a, b = (prepared(made(x), binarize="dynamic", validation=True, seed=s) for s in (0, 1))
    assert a.data_kind == "dynamic" and len(np.unique(a.train.x[0])) > 50
    assert set(np.unique(a.test.x[0])) == set(np.unique(a.validation.x[0])) == {0, 255}
    assert np.array_equal(a.test.x[0], b.test.x[0])


def test_binary_by_nature_stays_what_it_is_called():
    x = np.where(grey() > 99, 255, 0).astype(np.uint8)
    found = prepared(made(x, values="binary"), binarize="static")
    assert found.data_kind == "binary" and np.array_equal(found.train.x[0], x)


def test_standardise_records_the_training_moments_and_leaves_pixels_alone():
    x = grey()
    found = prepared(made(x), standardize=True, validation=True)
    unit = found.train.x[0].astype(float) / 255
    assert found.data_kind == "standardised" and found.train.x[0].dtype == np.uint8
    assert np.allclose(found.standardize, (unit.mean(), unit.std()))
    floats = prepared(made((x / 255).astype(np.float32)), standardize=True)
    assert np.allclose(floats.standardize, ((x / 255).mean(), (x / 255).std()), atol=1e-6)
    with pytest.raises(DataError, match="all training pixels are equal"):
        prepared(made(np.full((3, 2, 2, 1), 9, np.uint8)), standardize=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_resize_is_lanczos_of_each_channel(dtype):
    x = np.random.default_rng(0).integers(256, size=(3, 9, 7, 3), dtype=np.uint8)
    x = x if dtype == np.uint8 else (x / 255).astype(np.float32)
    out = resized(x, (5, 4))
    assert out.shape == (3, 5, 4, 3) and out.dtype == dtype
    expected = np.asarray(Image.fromarray(x[1, ..., 2]).resize((4, 5), Image.Resampling.LANCZOS))
    assert np.allclose(out[1, ..., 2], np.clip(expected, x.min(), x.max()))


def test_pad_puts_images_in_the_middle_of_zeros():
    x = grey(2, 3)
    out = padded(x, (6, 5))
    assert np.array_equal(out[:, 1:4, 1:4], x) and int(out.sum()) == int(x.sum())


def test_resize_comes_before_pad():
    found = prepared(made(grey()), resize=[4, 4], pad_to=[8, 6])
    assert found.shapes == ((8, 6, 1),) and found.train.x[0][:, :2].max() == 0


def test_what_lies_on_disk_stays_there_and_gives_the_same(tmp_path):
    x = grey(60)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for options in (
        {}, {"resize": [4, 4], "pad_to": [8, 8]}, {"binarize": "static"}, {"binarize": "dynamic"},
        {"binarize": "threshold", "limit": 30}, {"standardize": True},
    ):  # fmt: skip
        now, later = (prepared(made(v), validation=True, **options) for v in (x, mapped))
        assert now.standardize == later.standardize and now.data_kind == later.data_kind
        for name in ("train", "validation", "test"):
            a, b = now.split(name).x[0], later.split(name).x[0]
            assert isinstance(b, Rows) and a.dtype == b.dtype and a.shape == b.shape
            assert np.array_equal(a, b[:]) and np.array_equal(a[[2, 0]], b[np.array([2, 0])])


BAD = {
    "NaN": (np.array([0, np.nan]), {}, "image 0 of the train split holds NaN"),
    "infinity": (np.array([0, np.inf]), {}, "NaN or infinity"),
    "above one": (np.array([0, 255]), {}, "run from 0 to 255"),
    "below zero": (np.array([-0.5, 0.5]), {}, "run from -0.5 to 0.5"),
}


@pytest.mark.parametrize("values,more,says", BAD.values(), ids=BAD)
def test_floats_that_are_no_intensities(values, more, says):
    x = np.zeros((3, 1, 2, 1), np.float32)
    x[0, 0, :, 0] = values
    with pytest.raises(DataError, match=says):
        prepared(made(x, **more))


def test_real_numbers_may_be_any_but_not_nan():
    x = np.full((3, 1, 2, 1), -7.5, np.float32)
    assert prepared(made(x, values="real")).data_kind == "real"
    with pytest.raises(ConfigError, match="real numbers"):
        prepared(made(x, values="real"), binarize="static")
    x = x.copy()
    x[2, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="image 2"):
        prepared(made(x, values="real"))


def test_no_images_and_other_dtypes():
    with pytest.raises(DataError, match="the train split has no images"):
        prepared(made(np.zeros((0, 2, 2, 1), np.uint8)))
    with pytest.raises(DataError, match="expected images"):
        prepared(made(np.zeros((2, 2, 2, 1), np.float64)))
    with pytest.raises(DataError, match="one pixel"):
        prepared(made(np.zeros((2, 1, 1, 1), np.uint8)))


def test_shapes_are_known_before_data_are_read():
    assert declared_shapes(node("mnist")) == ((28, 28, 1),)
    assert declared_shapes(node("mnist", resize=[14, 20], pad_to=[32, 32])) == ((32, 32, 1),)
    assert declared_shapes(node("image_folder", path="absent", image_size=[20, 30], color="grey")) == ((20, 30, 1),)
    assert declared_shapes(node("mnist_backgrounds", base="digits", views=["blank"] * 3)) == ((8, 8, 1),) * 3
    assert declared_shapes(node("conjoint_synthetic", n=3, n_views=3)) == ((1, 6, 1),) * 3
    assert declared_shapes(node("npz", path="absent.npz")) is None
    assert declared_shapes(node("npz", path="absent.npz", image_shape=[4, 4, 3])) == ((4, 4, 3),)


def test_facts_declared_before_data_are_read_and_those_of_the_data():
    cfg = {"dataset": node("mnist", standardize=True)}
    assert declared_facts(cfg) == DataFacts(((28, 28, 1),), data_kind="standardised")
    assert declared_facts({"dataset": node("npz", path="absent.npz")}) is None
    facts = prepared(made(grey()), standardize=True).facts
    assert facts.shapes == ((6, 6, 1),) and facts.data_kind == "standardised" and facts.standardize is not None
    assert prepared(made(grey()), binarize="dynamic").facts.binarize == "dynamic"


@pytest.mark.parametrize(
    "changes,says",
    [
        ({"standardize": True, "binarize": "static"}, "exclude each other"),
        ({"resize": [14]}, r"dataset.resize: expected \[height, width\], got \[14\]"),
        ({"pad_to": [14, 30]}, "smaller than the images"),
        ({"shape": [28, 28]}, "expected .height, width, channels."),
    ],
)
def test_contradictions_are_refused_before_data_are_read(changes, says):
    with pytest.raises(ConfigError, match=says):
        load("mnist", data_dir="/absent", **changes)


def test_an_own_dataset_outside_vaelab_needs_no_shape():
    found = declared_shapes({"_target_": "mypackage.mydata.load"})
    assert found is None


def test_shared_options_reach_a_real_reader(tmp_path):
    write_mnist(tmp_path / "mnist")
    changes = {"files": unchecked("mnist"), "limit": 8, "binarize": "threshold", "pad_to": [32, 32]}
    found = load("mnist", data_dir=tmp_path, validation=True, **changes)
    assert found.shapes == ((32, 32, 1),) and (len(found.train), len(found.validation), len(found.test)) == (7, 1, 10)


def test_the_same_call_gives_the_same_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=grey(), y=np.arange(40) % 4)
    settings = {
        "train": ["x"],
        "test": None,
        "train_labels": "y",
        "path": str(tmp_path / "a.npz"),
        "binarize": "static",
    }
    a, b = (load("npz", validation=True, **settings) for _ in range(2))
    assert a.checksum() == b.checksum()
    assert a.checksum() != load("npz", validation=True, seed=1, **settings).checksum()


def test_normal_classes_are_trained_on_and_all_are_tested():
    x = np.arange(12, dtype=np.uint8)[:, None, None, None] + np.zeros((12, 2, 2, 1), np.uint8)
    split = Split((x,), np.arange(12) % 3)
    dataset = Dataset("three", split, Split((x,), split.y), class_names=("a", "b", "c"))
    for classes in (["a", "c"], [0, 2], ["a", 2]):
        found = prepare(dataset, {**PLAIN, "normal_classes": classes, "limit": 6}, seed=0, validation=False)
        assert set(found.train.y) == {0, 2} and len(found.train) == 6 and len(found.test) == 12
    found = prepare(dataset, {**PLAIN, "normal_classes": ["b"], "validation": 2}, seed=0, validation=True)
    assert set(found.train.y) | set(found.validation.y) == {1}
    for classes, said in ((["d"], "there is no class 'd'"), ([], "different names"), (["a", "a"], "different names")):
        with pytest.raises(ConfigError, match=said):
            prepare(dataset, {**PLAIN, "normal_classes": classes}, seed=0, validation=False)
    with pytest.raises(ConfigError, match="no labels"):
        unlabelled = replace(dataset, train=Split((x,)))
        prepare(unlabelled, {**PLAIN, "normal_classes": ["a"]}, seed=0, validation=False)


def test_training_sees_as_many_labels_of_each_class_as_are_asked_for():
    y = np.arange(200) % 10
    raw = Dataset("own", Split((np.zeros((200, 4, 4, 1), np.uint8),), y), Split((np.zeros((30, 4, 4, 1), np.uint8),),
                  y[:30]), class_names=tuple("0123456789"))  # fmt: skip
    shared = PLAIN | {"labelled": 21, "validation": 0.2}
    found, again, other = (prepare(raw, shared, seed=seed, validation=True) for seed in (3, 3, 4))
    counts = np.bincount(found.train.y[found.train.labelled])
    assert counts.tolist() == [3, *[2] * 9]
    np.testing.assert_array_equal(found.train.labelled, again.train.labelled)
    assert (found.train.labelled != other.train.labelled).any()
    assert not found.validation.labelled.any() and not found.test.labelled.any()
    given = replace(found.train, given=(np.eye(10, dtype=np.float32)[found.train.y],))
    np.testing.assert_array_equal(given.training_inputs[1].sum(axis=1), found.train.labelled)
    assert given.inputs[1].sum() == len(given) and given.take(slice(5)).labelled.shape == (5,)
    for n, message in ((7, "at least one image of each of the 10 classes"), (900, "has 1. training images")):
        with pytest.raises(ConfigError, match=message):
            prepare(raw, shared | {"labelled": n}, seed=0, validation=True)
    with pytest.raises(ConfigError, match="they have no labels"):
        prepare(replace(raw, train=replace(raw.train, y=None)), shared, seed=0, validation=True)
