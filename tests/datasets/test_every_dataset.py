"""The contract of every option of conf/dataset: shapes, dtype, range, names, disjoint splits, repeatability."""

import numpy as np
import pytest
import yaml
from small_data import load, node, save_image

from vaelab.config.locate import conf_dir, options
from vaelab.datasets.base import Rows
from vaelab.datasets.prepare import declared_shapes

MADE_HERE = ["digits", "npoints", "conjoint_synthetic", "linear_gaussian", "shapes2d"]
FROM_FILES = ["mnist", "fashionmnist", "quickdraw", "cifar10", "caltech101", "mnist_backgrounds", "paired"]
OWN_SPLIT = {"quickdraw", "caltech101", "shapes2d", "image_folder", "npz"}  # made here: no image on both sides
NEVER_SHARED = {"dsprites", "binarized_mnist"}  # need a download


def _check(name, **more):
    found = load(name, validation=True, **more)
    again = load(name, validation=True, **more)
    assert found.name == name and found.checksum() == again.checksum()
    declared = declared_shapes(node(name, **{k: v for k, v in more.items() if k != "data_dir"}))
    assert declared is None or declared == found.shapes
    for split in (found.train, found.validation, found.test):
        assert len(split) > 0
        for x in split.x:
            assert isinstance(x, (np.ndarray, Rows)) and x.ndim == 4 and x.dtype in (np.uint8, np.float32)
            first = x[:50]
            assert first.std() > 0
            if x.dtype == np.float32 and found.values != "real":
                assert first.min() >= 0 and first.max() <= 1
        if found.class_names:
            assert split.y.shape == (len(split),) and split.y.min() >= 0 and split.y.max() < len(found.class_names)
        if split.tags is not None:
            assert split.tags.shape == (len(split), len(split.x)) and split.tags.max() < len(found.tag_names)
        if split.factors is not None:
            assert (split.factors.max(0) < found.factor_sizes).all()
    if found.class_names:
        assert len(set(found.class_names)) == len(found.class_names)
        assert len(np.unique(found.train.y)) == len(found.class_names)
    if name in OWN_SPLIT:
        sides = [{x.tobytes() for x in s.x[0][:]} for s in (found.train, found.validation, found.test)]
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    for split in (found.train, found.test):
        for part in (*split.x, split.y):
            if isinstance(part, np.ndarray):
                with pytest.raises(ValueError):
                    part[0] = 0


@pytest.mark.parametrize("name", MADE_HERE)
def test_made_here(name):
    _check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_FILES)
def test_from_files(name, shared_data):
    _check(name, data_dir=shared_data)


def test_image_folder(tmp_path):
    for k in range(3):
        for i in range(8):
            save_image(tmp_path / f"class{k}" / f"{i}.png", seed=100 * k + i)
    _check("image_folder", path=str(tmp_path), image_size=16)


def test_npz(tmp_path):
    x = np.random.default_rng(0).random((40, 6, 6, 1), np.float32)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(40) % 4)
    _check("npz", path=str(tmp_path / "a.npz"), test=None)


def test_no_dataset_is_left_out():
    assert {*MADE_HERE, *FROM_FILES, *NEVER_SHARED, "image_folder", "npz"} == set(options("dataset"))


@pytest.mark.parametrize("name", options("dataset"))
def test_every_download_says_where_from_and_under_which_licence(name):
    text = (conf_dir() / "dataset" / f"{name}.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    if "files" not in found and "url" not in found:
        return
    assert found["licence"] and found["folders"]
    for entry in found.get("files", ()):
        assert entry["url"].startswith("http") and "sha256" in entry
        assert entry["sha256"] is None or len(entry["sha256"]) == 64
        assert entry["sha256"] or "could be confirmed" in text  # an unknown checksum is said to be one
