"""`vaelab data list|fetch|verify|show` and the contact sheet."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from PIL import Image
from small_data import load, node, save_image, unchecked, write_mnist

from vaelab.commands import data
from vaelab.config.compose import compose
from vaelab.config.locate import options
from vaelab.errors import ConfigError, DataError
from vaelab.plots.contact_sheet import contact_sheet
from vaelab.system import tables


def run(verb, dataset=None, **more):
    cfg = {"verb": verb, "dataset": dataset, "data_dir": None, "output": None, "seed": 0, **more}
    return data.run(OmegaConf.create(cfg)) or 0


def test_list_names_every_dataset_and_whether_it_is_there(tmp_path, capsys):
    write_mnist(tmp_path / "mnist")
    assert run("list", data_dir=str(tmp_path)) == 0
    printed = capsys.readouterr().out
    lines = {line.split()[0]: line for line in printed.splitlines() if line.split()}
    assert set(options("dataset")) <= set(lines)
    assert " yes " in lines["mnist"] and "data folder/mnist" in lines["mnist"]
    assert " no " in lines["cifar10"] and "made here" in lines["digits"] and "dataset.path" in lines["image_folder"]
    assert str(tmp_path) in printed


@pytest.mark.parametrize("width", [None, 80, 120])
def test_list_cuts_nothing_at_any_width(width, monkeypatch, capsys):
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    run("list", data_dir="/a/rather/long/path/to/the/folder/that/holds/the/data")
    table = capsys.readouterr().out.partition("\ndata folder:")[0]
    assert "\u2026" not in table and all(len(line) <= (width or 999) for line in table.splitlines())
    words = table.split()
    for _, _, about in data._all_nodes():
        assert all(word in words for word in about.split()), about


def test_list_counts_what_is_partly_there(tmp_path, capsys):
    write_mnist(tmp_path / "mnist")
    next((tmp_path / "mnist").iterdir()).unlink()
    run("list", data_dir=str(tmp_path))
    assert "3 of 4" in capsys.readouterr().out


def test_fetch_says_where_the_files_are(tmp_path, capsys):
    write_mnist(tmp_path / "mnist")
    assert run("fetch", node("mnist"), data_dir=str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert str(tmp_path / "mnist" / "train-images-idx3-ubyte.gz") in printed and "CC BY-SA 3.0" in printed
    assert run("fetch", node("digits")) == 0
    assert "needs no download" in capsys.readouterr().out


def test_verify_describes_the_content(tmp_path, capsys):
    write_mnist(tmp_path / "mnist")
    assert run("verify", node("mnist", files=unchecked("mnist")), data_dir=str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "mnist: 20 training, 10 test; 28x28x1 uint8, grey" in printed and "no official checksum" in printed
    with pytest.raises(DataError, match="sha256"):
        run("verify", node("mnist"), data_dir=str(tmp_path))


def test_verify_tells_an_unofficial_file_by_its_exit_code(tmp_path, capsys):
    np.save(tmp_path / "cat.npy", np.random.default_rng(0).integers(256, size=(9, 784), dtype=np.uint8))
    assert run("verify", node("quickdraw", categories=["cat"]), data_dir=str(tmp_path)) == 1
    assert "not the official files" in capsys.readouterr().out


def test_show_writes_a_contact_sheet(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("show", node("digits")) == 0
    with Image.open(tmp_path / "digits.png") as image:
        assert image.width >= 1000
    assert run("show", node("digits", limit=50), output=str(tmp_path / "own.png")) == 0
    assert (tmp_path / "own.png").is_file() and "contact sheet:" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"ends in \.png"):
        run("show", node("digits"), output="a.jpg")
    with pytest.raises(ConfigError, match="cannot be written"):
        run("show", node("digits"), output=str(tmp_path / "own.png" / "a.png"))


def test_an_unknown_verb():
    with pytest.raises(ConfigError, match="list, fetch, verify, show"):
        compose("data", ["verb=shoe"])


SHEETS = {
    "strips": ("npoints", {}),
    "two views of strips": ("conjoint_synthetic", {}),
    "real numbers": ("linear_gaussian", {}),
    "factors": ("shapes2d", {"rotations": 2, "positions": 2}),
    "views": ("mnist_backgrounds", {"base": "digits", "views": ["mosaic", "blank", "stripy"]}),
    "fewer images than places": ("digits", {"limit": 12}),
}


@pytest.mark.parametrize("name,settings", SHEETS.values(), ids=SHEETS)
def test_a_sheet_of_everything(name, settings):
    assert isinstance(contact_sheet(load(name, **settings)), Figure)


def test_a_sheet_of_102_classes_stays_readable(tmp_path):
    for k in range(102):
        for i in range(2):
            save_image(tmp_path / f"class_{k:03}" / f"{i}.png", seed=k)
    figure = contact_sheet(load("image_folder", path=str(tmp_path), image_size=16))
    written = {t.get_text() for t in figure.texts}
    assert any(t.startswith("class_101") for t in written)
    assert figure.get_size_inches()[1] < 16


def test_a_sheet_without_labels(tmp_path):
    for i in range(30):
        save_image(tmp_path / f"{i}.png", seed=i)
    figure = contact_sheet(load("image_folder", path=str(tmp_path), image_size=16))
    assert any("no labels" in t.get_text() for t in figure.texts)


def test_from_the_command_line(command):
    done = command("data", "list")
    assert "mnist_backgrounds" in done.stdout
    assert command("data", "show", "dataset=digits", "dataset.limit=30").returncode == 0
    wrong = command("data", "verify", "dataset=image_folder", check=False)
    assert wrong.returncode == 2 and "dataset.path=FOLDER" in wrong.stderr and "Traceback" not in wrong.stderr
