"""Files of a run that are missing or damaged: each is named in a sentence, and one bad run hides no other."""

import json

import numpy as np
import pytest

from vaelab import runs
from vaelab.commands import compare
from vaelab.errors import RunError
from vaelab.runs import RunFolder


@pytest.fixture
def outputs(tmp_path):
    """Two runs, called one and two, with what needs no model."""
    for n, name in enumerate(("one", "two")):
        folder = tmp_path / "digits-dense-vae" / f"2026-01-0{n + 1}_00-00-00"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("model: {}\nseed: 0\ndataset: {name: digits}\n")
        (folder / "status.json").write_text(json.dumps({"state": "done", "run_name": name, "started": n}))
        RunFolder(folder).write_history([{"epoch": 1, "train/loss": 2.5}, {"epoch": 2, "train/loss": 2.0}])
        np.savez(folder / "codes.npz", test_distortion=np.arange(4.0), test_elbo=-np.arange(4.0))
    return tmp_path


def said(function, *arguments) -> str:
    with pytest.raises(RunError) as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "content,words",
    [
        (b"model: {}\n  seed: [1,\n", "is no yaml in line"),
        (b"\x00\xff\xfe", "config.yaml"),
        (b"seed: 0\n", "no 'model' in it"),
        (b"", "no 'model' in it"),
    ],
)
def test_a_damaged_configuration(outputs, content, words):
    run = runs.find("one", outputs)
    (run.path / "config.yaml").write_bytes(content)
    assert words in said(run.read_config)


@pytest.mark.parametrize("content", ["hello\nworld,1,2\n", "epoch,train/loss\n1,2.5\ntwo,2\n", "epoch,a\n,\n"])
def test_a_damaged_history(outputs, content):
    run = runs.find("one", outputs)
    assert [row["epoch"] for row in run.read_history()] == [1, 2]
    (run.path / "history.csv").write_text(content)
    assert "history.csv is damaged" in said(run.read_history)


def test_damaged_codes_are_named_by_compare(outputs):
    one, two = runs.find("one", outputs), runs.find("two", outputs)
    assert any(line.startswith("elbo") for line in compare.paired(one, two, "test"))
    two.codes_file.write_bytes(two.codes_file.read_bytes()[:40])
    assert str(two.codes_file) in said(compare.paired, one, two, "test")
    two.codes_file.unlink()
    assert "no codes.npz" in compare.paired(one, two, "test")[0]


def test_one_run_with_a_damaged_status_hides_no_other(outputs):
    runs.find("one", outputs).path.joinpath("status.json").write_text('{"state": "do')
    assert runs.find("two", outputs).path == runs.find("latest", outputs).path
    broken = runs.find(str(outputs / "digits-dense-vae" / "2026-01-01_00-00-00"), outputs)
    assert "status.json" in said(broken.status)


def test_a_mistyped_run_name_gets_the_nearest_one(outputs):
    assert "Did you mean 'two'?" in said(runs.find, "twoo", outputs)
    far = said(runs.find, "something quite different", outputs)
    assert "newest" in far and "all 2" in far
