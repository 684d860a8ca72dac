"""Datasets made small: settings as their yaml gives them, files as they are published."""

import gzip
import struct

import numpy as np
import yaml
from PIL import Image

from vaelab.config.locate import conf_dir
from vaelab.datasets.prepare import load_dataset


def node(name, **changes):
    """The `dataset` node of an option as it is composed, with changed settings."""
    base = yaml.safe_load((conf_dir() / "base" / "image.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load((conf_dir() / "dataset" / f"{name}.yaml").read_text(encoding="utf-8"))
    own.pop("defaults")
    found = base | own
    assert not set(changes) - set(found), f"no settings of {name}: {set(changes) - set(found)}"
    return found | changes


def load(name, *, data_dir=None, seed=0, validation=False, **changes):
    """The prepared dataset of an option with changed settings."""
    where = None if data_dir is None else str(data_dir)
    return load_dataset(node(name, **changes), data_dir=where, seed=seed, validation=validation)


def idx_bytes(array) -> bytes:
    """An IDX file of unsigned bytes."""
    array = np.asarray(array, np.uint8)
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder, n_train=20, n_test=10, *, names=None, zipped=True, **replaced):
    """Four small IDX files under MNIST's names; `replaced`: content for one of them by its key."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    made = {}
    for key, n in (("train", n_train), ("t10k", n_test)):
        made[f"{key}-images-idx3-ubyte"] = idx_bytes(rng.integers(256, size=(n, 28, 28)))
        made[f"{key}-labels-idx1-ubyte"] = idx_bytes(np.arange(n) % 10)
    for name, content in made.items():
        content = replaced.get(name.replace("-", "_"), content)
        path = folder / (name + ".gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    return made


def unchecked(name):
    """The files of an option without their official checksums, for small files in their place."""
    return [{**f, "sha256": None} for f in node(name)["files"]]


def save_image(path, size=(20, 12), seed=0, mode="RGB", **options):
    """A random picture; returns its array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    array = rng.integers(256, size=shape, dtype=np.uint8)
    Image.fromarray(array).save(path, **options)
    return array
