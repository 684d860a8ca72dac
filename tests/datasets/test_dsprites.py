import zipfile

import numpy as np
import pytest
from small_data import load

from vaelab.datasets.base import Rows
from vaelab.errors import DataError

NAME = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"


def arrays(n=60):
    rng = np.random.default_rng(0)
    classes = np.stack([rng.integers(k, size=n) for k in (1, 3, 6, 40, 32, 32)], axis=1)
    return {
        "metadata": np.array({"title": "pickled, and never read"}),
        "imgs": rng.integers(2, size=(n, 64, 64), dtype=np.uint8),
        "latents_classes": classes,
        "latents_values": classes.astype(float),
    }


def write(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    found = {k: v for k, v in (arrays() | changes).items() if v is not None}
    np.savez_compressed(folder / NAME, **found)
    return found


@pytest.mark.parametrize("folder", ["dsprites", "dsprites-dataset", "."])
def test_images_and_factors_belong_together(tmp_path, folder):
    made = write(tmp_path / folder)
    found = load("dsprites", data_dir=tmp_path)
    assert (
        found.shapes == ((64, 64, 1),)
        and found.data_kind == "binary"
        and (len(found.train), len(found.test)) == (54, 6)
    )
    assert found.factor_names == ("shape", "scale", "orientation", "x", "y") and found.factor_sizes == (
        3,
        6,
        40,
        32,
        32,
    )
    known = {x.tobytes(): tuple(f) for x, f in zip(made["imgs"] * np.uint8(255), made["latents_classes"][:, 1:])}
    for split in (found.train, found.test):
        assert isinstance(split.x[0], Rows)
        assert [known[x.tobytes()] for x in split.x[0][:]] == [tuple(f) for f in split.factors]
        assert np.array_equal(split.y, split.factors[:, 0])
    assert "not the complete dSprites" in found.notes[0]


def test_repacked_once(tmp_path, own_cache):
    write(tmp_path)
    first = load("dsprites", data_dir=tmp_path).checksum()
    (bits,) = (own_cache / "dsprites").glob("*.bits")
    made = bits.stat().st_mtime_ns
    assert bits.stat().st_size == 60 * 512
    assert load("dsprites", data_dir=tmp_path).checksum() == first and bits.stat().st_mtime_ns == made


WRONG = {
    "grey": ({"imgs": np.full((60, 64, 64), 7, np.uint8)}, "holds 7, expected 0 and 1"),
    "other size": ({"imgs": np.zeros((60, 32, 32), np.uint8)}, "expected uint8"),
    "other number": ({"imgs": np.zeros((59, 64, 64), np.uint8)}, "expected uint8"),
    "no images": ({"imgs": None}, "'imgs' cannot be read"),
    "no factors": ({"latents_classes": None}, "'latents_classes' cannot be read"),
    "factor too large": ({"latents_classes": np.full((60, 6), 50)}, "outside the five factors"),
    "pickled factors": ({"latents_classes": np.array([{}] * 60)}, "'latents_classes' cannot be read"),
}


@pytest.mark.parametrize("changes,says", WRONG.values(), ids=WRONG)
def test_wrong_archives(tmp_path, changes, says, own_cache):
    write(tmp_path, **changes)
    with pytest.raises(DataError, match=says):
        load("dsprites", data_dir=tmp_path)
    assert not list(own_cache.glob("dsprites/*.part")) and not list(own_cache.glob("dsprites/*.bits"))


def test_a_truncated_archive(tmp_path):
    write(tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match=r"cannot be read.*7da33b31"):
        load("dsprites", data_dir=tmp_path)


def test_images_cut_inside_the_archive(tmp_path):
    made = write(tmp_path)
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content[:-9] if name == "imgs.npy" else content)
    assert made["imgs"].size > 0
    with pytest.raises(DataError, match="'imgs' ends too early"):
        load("dsprites", data_dir=tmp_path)


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    write(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written to.*VAELAB_CACHE"):
        load("dsprites", data_dir=tmp_path)
