"""`on=`: a run on images it has never seen, prepared as its own; its own numbers stay."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import vaelab
from vaelab.conditions import columns
from vaelab.config import compose
from vaelab.config.parts import part
from vaelab.config.plain import plain
from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.digits import load
from vaelab.dispatch import dispatch
from vaelab.errors import ConfigError, DataError
from vaelab.jobs import foreign

NO_LABELS = ("on.train_labels=null", "on.test_labels=null")


@pytest.fixture
def digits_file(tmp_path):
    """The digits as a file of one's own."""
    own = load(data_dir=None, seed=0, licence="")
    np.savez(tmp_path / "own.npz", x_train=own.train.x[0], x_test=own.test.x[0])
    return tmp_path / "own.npz"


def node(name, *words):
    return plain(compose.compose("evaluate", [f"on={name}", *words]).on)


def config(*words):
    return plain(compose.compose("train", list(words)))


def dataset(x, **more):
    split = Split((x,))
    return Dataset("own", split, split, **more)


def prepared(own, x, *words, **more):
    """Images of somebody else's as a run on `own` sees them."""
    return foreign.dataset(node("npz", "on.path=x"), own, config(*words), load=lambda node, **_: dataset(x, **more))


def test_the_runs_own_images_from_a_file_have_the_runs_own_numbers(own_run, digits_file):
    _, folder = own_run
    before = json.loads((folder / "metrics.json").read_text())
    run = vaelab.load(folder)
    found = run.evaluate("elbo", "on=npz", f"on.path={digits_file}", *NO_LABELS)
    assert found["npz:test/elbo"]["value"] == pytest.approx(before["test/elbo"]["value"], rel=1e-6)
    after = json.loads((folder / "metrics.json").read_text())
    assert {k: after[k] for k in before} == before
    assert after["npz:test/distortion"]["split"] == "npz:test" and "test/mnist" not in after
    run.plot("reconstructions", "on=npz", f"on.path={digits_file}", *NO_LABELS, save=True)
    assert (folder / "figures" / "reconstructions_on_npz.png").is_file()
    with pytest.raises(ConfigError, match="needs labelled images"):
        run.evaluate("knn_accuracy", "on=npz", f"on.path={digits_file}", *NO_LABELS)


def test_shapes_are_compared_before_anything_is_read():
    digits = config("dataset=digits")
    with pytest.raises(
        ConfigError, match=r"on=mnist: its images are 28x28x1, those of this run 8x8x1. on.resize=\[8,8"
    ):
        foreign.check(node("mnist"), digits)
    foreign.check(node("mnist", "on.resize=[8,8]"), digits)
    with pytest.raises(ConfigError, match=r"32x32x3.*channels must be equal"):
        foreign.check(node("cifar10"), digits)
    with pytest.raises(ConfigError, match=r"on\.color=grey makes the channels equal"):
        foreign.check(node("image_folder", "on.path=pictures"), digits)
    with pytest.raises(ConfigError, match=r"on=npz needs the file of your arrays: on\.path="):
        foreign.check(node("npz"), digits)


@pytest.mark.parametrize(
    "words,said",
    [
        (["on=mnst"], "on=mnst: there is no dataset called 'mnst'. Did you mean 'mnist'"),
        (["on=mnist", "on.binarize=static"], "on.binarize would be ignored"),
        (["on=mnist", "on.validation=0.5"], "on.validation would be ignored: nothing is trained"),
        (["on=mnist", "on.resiz=[8,8]"], r"Did you mean 'on\.resize'"),
        (["on.path=x"], r"of which dataset\? Add on=<name>"),
        (["on=[mnist,digits]"], "expected the name of an option"),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "plot"])
def test_what_cannot_be_is_told(command, words, said):
    with pytest.raises(ConfigError, match=said):
        compose.compose(command, words)


def test_images_are_prepared_as_the_runs_own():
    grey = np.linspace(0, 1, 4 * 36, dtype=np.float32).reshape(4, 6, 6, 1)
    asked = []

    def reader(node, **_):
        asked.append((node["binarize"], node["standardize"]))
        return dataset(grey, binarize=node["binarize"])

    for own, how in (
        (dataset(grey), "none"),
        (dataset(grey, binarize="dynamic"), "dynamic"),
        (dataset((grey > 0.5) * np.uint8(255), values="static"), "static"),
        (dataset((grey > 0.5) * np.uint8(255), values="binary"), "threshold"),
        (dataset(grey, standardize=(0.3, 0.2)), "none"),
    ):
        words = ["likelihood=gaussian"] if own.standardize else []
        found = foreign.dataset(node("npz", "on.path=x"), own, config(*words), load=reader)
        assert asked.pop() == (how, False) and found.standardize == own.standardize


@pytest.mark.parametrize(
    "own,other,words,said",
    [
        ({}, {"values": "real"}, (), "its pixels are real numbers, this run's intensities"),
        ({"values": "real"}, {}, ("likelihood=gaussian",), r"its pixels are intensities in \[0, 1\], this run's real"),
    ],
)
def test_a_likelihood_that_does_not_fit_is_told(own, other, words, said):
    x = np.zeros((3, 4, 4, 1), np.float32)
    with pytest.raises(ConfigError, match=said):
        prepared(dataset(x, **own), x, *words, **other)


def test_a_probability_of_levels_is_refused_for_other_floats():
    levels = np.zeros((3, 4, 4, 1), np.uint8)
    between = np.full((3, 4, 4, 1), 0.3001, np.float32)
    with pytest.raises(ConfigError, match="does not describe these images"):
        prepared(dataset(levels), between, "likelihood=discretized_logistic")


def test_images_that_are_no_numbers_are_told(tmp_path):
    x = np.zeros((3, 8, 8), np.float32)
    x[1] = np.nan
    np.savez(tmp_path / "x.npz", x_train=x, x_test=x)
    words = ("on.path=" + str(tmp_path / "x.npz"), *NO_LABELS)
    with pytest.raises(DataError, match="image 1 of the train split holds NaN"):
        foreign.dataset(node("npz", *words), dataset(np.zeros((3, 8, 8, 1), np.uint8)), config())


# -- scores ------------------------------------------------------------------------------------------------------------


def test_scores_from_python_are_those_of_the_command(digits_run, tmp_path, monkeypatch):
    cwd, folder = digits_run
    run, images = vaelab.load(folder), load(data_dir=None, seed=0, licence="").test.x[0]
    found = run.score(images[:50])
    assert list(found.columns[:2]) == ["elbo", "elbo_percentile"] and len(found) == 50 and found.notna().all(axis=None)
    assert run.score(images[7]).iloc[0].to_dict() == pytest.approx(found.iloc[7].to_dict(), rel=1e-4, abs=0.3)
    everything = run.score(images, "knn", k=3)
    assert everything.knn_percentile.mean() == pytest.approx(50, abs=0.1)
    monkeypatch.chdir(cwd)
    photos = tmp_path / "photos"
    (photos / "inner").mkdir(parents=True)
    for row in range(3):
        Image.fromarray(images[row, ..., 0]).save(photos / "inner" / f"{row}.png")
    (photos / "broken.png").write_bytes(b"nothing")
    words = ["on=image_folder", f"on.path={photos}", "on.image_size=8", "on.color=grey", f"csv={tmp_path / 's.csv'}"]
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    words.append(f"codes={tmp_path / 'new' / 'c.npz'}")
    assert dispatch("score", [f"run={folder}", *words, "score=[elbo,knn]"]) == 0
    with np.load(tmp_path / "new" / "c.npz") as kept:
        np.testing.assert_allclose(kept["mean"], run.encode(images[:3])[0], rtol=1e-3, atol=1e-3)
        assert list(kept["image"]) == ["inner/0.png", "inner/1.png", "inner/2.png"] and (kept["std"] > 0).all()
    assert dispatch("score", [f"run=[{folder},{folder}]", *words[:-1], "score=[elbo]"]) == 0
    twice = pd.read_csv(tmp_path / "s.csv").set_index("image")
    np.testing.assert_allclose(twice.elbo[:3], found.elbo[:3], rtol=1e-3)
    assert (twice.elbo_spread[:3] == 0).all() and (twice.elbo_waic[:3] == twice.elbo[:3]).all()
    with pytest.raises(ConfigError, match="one run at a time"):
        dispatch("score", [f"run=[{folder},{folder}]", *words])
    assert dispatch("score", [f"run={folder}", *words, "score=[elbo,knn]"]) == 0
    lines = pd.read_csv(tmp_path / "s.csv").set_index("image")
    assert list(lines.index) == ["inner/0.png", "inner/1.png", "inner/2.png", "broken.png"]
    np.testing.assert_allclose(lines.elbo[:3], found.elbo[:3], rtol=1e-3)
    assert lines.loc["broken.png"].isna().sum() == 4 and lines.problem["broken.png"] == "no known image format"
    with pytest.raises(ConfigError, match="expected images"):
        run.score(images[:, :4])
    with pytest.raises(ConfigError, match=r"Did you mean 'knn'"):
        run.score(images, "kn")


def test_every_row_of_an_array_file_is_listed(tmp_path):
    rows = np.arange(5 * 64, dtype=np.uint8).reshape(5, 8, 8)
    np.savez(tmp_path / "x.npz", a=rows, b=rows[:2] + 1)
    own = dataset(np.zeros((3, 8, 8, 1), np.uint8))
    words = (f"on.path={tmp_path / 'x.npz'}", "on.train=[a]", "on.test=[b]")
    found = foreign.listed(node("npz", *words), own, config())
    assert list(found.names) == [*(f"a[{i}]" for i in range(5)), "b[0]", "b[1]"]
    np.testing.assert_array_equal(found.images.x[0][..., 0], np.concatenate([rows, rows[:2] + 1]))
    np.save(tmp_path / "y.npy", rows)
    assert list(foreign.listed(node("npz", f"on.path={tmp_path / 'y.npy'}"), own, config()).names)[-1] == "x[4]"


def told(found, own, cfg):
    """The class that a run with condition=label is told of each image, by name."""
    assert np.isfinite(found.images.given[0]).all()
    return dict(zip(found.names, own.condition.told(found.images.given[0])))


def with_classes(names):
    """A dataset of a run that is told the class of each image."""
    cfg = config("condition=label")
    split = Split((np.zeros((len(names), 8, 8, 1), np.uint8),), np.arange(len(names)))
    own = Dataset("own", split, split, class_names=tuple(names))
    return columns.applied(part(cfg["condition"], "condition"), "label", own), cfg


@pytest.mark.parametrize("splits", [False, True])
def test_images_of_class_folders_are_listed_with_their_class(splits, tmp_path):
    """In a run's own numbering, whatever classes the folder lacks; one class alone is enough."""
    own, cfg = with_classes(["ant", "bee", "cat"])
    places = (
        ["train/cat/1.png", "test/bee/2.png", "train/bee/3.png"] if splits else ["cat/1.png", "bee/2.png", "bee/3.png"]
    )
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 90, np.uint8)).save(tmp_path / place)
    words = [f"on.path={tmp_path}", "on.image_size=8", "on.color=grey"]
    found = told(foreign.listed(node("image_folder", *words), own, cfg), own, cfg)
    assert found == {place: place.split("/")[-2] for place in places}
    some = told(foreign.listed(node("image_folder", *words, "on.classes=[bee]"), own, cfg), own, cfg)
    assert some == {place: "bee" for place in places if "bee" in place}
    with pytest.raises(ConfigError, match="not known of these"):
        foreign.listed(node("image_folder", *words, "on.labels=none"), own, cfg)
    without = foreign.listed(node("image_folder", *words), dataset(np.zeros((3, 8, 8, 1), np.uint8)), config())
    assert without.images.y is None and not without.images.given
    Image.fromarray(np.full((8, 8), 90, np.uint8)).save(tmp_path / "train.png")
    with pytest.raises(ConfigError, match="not known of these"):
        foreign.listed(node("image_folder", *words), own, cfg)


def test_rows_of_an_array_file_are_listed_with_what_a_run_is_told(tmp_path):
    own, cfg = with_classes(["0", "1", "2"])
    x = np.zeros((4, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x_train=x, y_train=np.array([2, 0, 1, 1]), x_test=x[:2], y_test=np.array([1, 2]))
    path = f"on.path={tmp_path / 'x.npz'}"
    found = told(foreign.listed(node("npz", path), own, cfg), own, cfg)
    assert list(found.values()) == ["2", "0", "1", "1", "1", "2"] and list(found)[-1] == "x_test[1]"
    with pytest.raises(DataError, match=r"class of image 4 of on=npz is -1.*2 images lack it"):
        foreign.listed(node("npz", path, "on.test_labels=null"), own, cfg)
    with pytest.raises(ConfigError, match="would be ignored"):
        foreign.check(node("npz", path, "on.train_labels=z", "on.image_shape=[8,8,1]"), config(), whole=True)


@pytest.mark.parametrize("word", ["on.test_fraction=0.5", "on.labels=none"])
def test_settings_of_splits_do_not_act_on_a_list(word, tmp_path):
    folder = node("image_folder", f"on.path={tmp_path}", "on.image_size=8", "on.color=grey", word)
    with pytest.raises(ConfigError, match="would be ignored: every image is scored"):
        foreign.check(folder, config("dataset=digits"), whole=True)
    foreign.check(folder, config("dataset=digits"))


@pytest.mark.parametrize("word", ["on.limit=20", "on.normal_classes=[1]"])
def test_fewer_training_images_are_no_fewer_to_score(word):
    with pytest.raises(ConfigError, match="would be ignored: every image is scored"):
        foreign.check(node("digits", word), config("dataset=digits"), whole=True)
    foreign.check(node("digits", word), config("dataset=digits"))
