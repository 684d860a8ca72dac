"""Files of a run that are missing or damaged: each is named in a sentence, and one bad run hides no other."""

import json
import os

import numpy as np
import pytest

from vaelab import cli
from vaelab.commands import compare
from vaelab.errors import RunError
from vaelab.records import run_folder
from vaelab.records.run_folder import RunFolder


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
    run = run_folder.find("one", outputs)
    (run.path / "config.yaml").write_bytes(content)
    assert words in said(run.read_config)


@pytest.mark.parametrize("content", ["hello\nworld,1,2\n", "epoch,train/loss\n1,2.5\ntwo,2\n", "epoch,a\n,\n"])
def test_a_damaged_history(outputs, content):
    run = run_folder.find("one", outputs)
    assert [row["epoch"] for row in run.read_history()] == [1, 2]
    (run.path / "history.csv").write_text(content)
    assert "history.csv is damaged" in said(run.read_history)


def test_damaged_codes_are_named_by_compare(outputs):
    one, two = run_folder.find("one", outputs), run_folder.find("two", outputs)
    assert any(term == "elbo" for term, *_ in compare.paired(one, two, "test")[0])
    two.codes_file.write_bytes(two.codes_file.read_bytes()[:40])
    assert str(two.codes_file) in said(compare.paired, one, two, "test")
    two.codes_file.unlink()
    assert "no codes.npz" in compare.paired(one, two, "test")[1]


def test_what_was_measured_of_a_stopped_run_is_compared_image_by_image(outputs):
    """It has no codes; the values that `evaluate` kept of each test image are enough."""
    one, two = run_folder.find("one", outputs), run_folder.find("two", outputs)
    rows = np.arange(5)
    for run, values in ((one, [80.0, 81, 82, 83, 84]), (two, [79.0, 80, 80, 82, 83])):
        run.add_metrics({}, {"test/nll_is10": (rows, np.array(values))})
    two.codes_file.unlink()
    assert compare.paired_terms(one, two, "test")[0] == []  # nothing says that they are the same images
    for run in (one, two):
        run.update_status(tags={"data.checksum": "abc"})
    ((term, *told),), why = compare.paired_terms(one, two, "test")
    assert term == "nll_is10" and told == [pytest.approx(-1.2), pytest.approx(0.2), 0.0, 5]
    assert why.startswith("elbo: ") and "no codes.npz" in why


def test_one_run_with_a_damaged_status_hides_no_other(outputs):
    run_folder.find("one", outputs).path.joinpath("status.json").write_text('{"state": "do')
    assert run_folder.find("two", outputs).path == run_folder.find("latest", outputs).path
    broken = run_folder.find(str(outputs / "digits-dense-vae" / "2026-01-01_00-00-00"), outputs)
    assert "status.json" in said(broken.status)


def test_a_mistyped_run_name_gets_the_nearest_one(outputs):
    assert "Did you mean 'two'?" in said(run_folder.find, "twoo", outputs)
    elsewhere = outputs.parent / "elsewhere"
    typed = str(outputs / "digits-dense-vae" / "2026-01-01_00-00-0")
    assert f"Did you mean '{typed}0'?" in said(run_folder.find, typed, elsewhere)  # beside what was typed
    far = said(run_folder.find, "something quite different", outputs)
    assert "newest" in far and "all 2" in far


# -- one damaged run among others --------------------------------------------------------------------------------------

DAMAGED = {
    "metrics.json cut short": ("metrics.json", b'{"test/elbo": {"val'),
    "metrics.json a list": ("metrics.json", b"[1, 2]"),
    "metrics.json of numbers": ("metrics.json", b'{"test/elbo": 3}'),
    "metrics.json of words": ("metrics.json", b'{"test/elbo": {"value": "high"}}'),
    "status.json a list": ("status.json", b"[1]"),
    "status.json binary": ("status.json", b"\x00\xff\xfe"),
    "status.json empty": ("status.json", b""),
    "status.json too deep": ("status.json", b"[" * 100_000),
    "status.json begun at no time": ("status.json", b'{"state": "done", "started": "yesterday"}'),
    "status.json of a state that is a list": ("status.json", b'{"state": ["done"]}'),
    "status.json of a name that is a list": ("status.json", b'{"state": "done", "run_name": ["a"]}'),
    "status.json of options that are a list": ("status.json", b'{"state": "done", "chosen": ["a"]}'),
    "config.yaml binary": ("config.yaml", b"\x00\xff\xfe"),
    "config.yaml a list": ("config.yaml", b"- 1"),
    "config.yaml too deep": ("config.yaml", b"model: " + b"[" * 1_500),
    "history.csv broken": ("history.csv", b"epoch,train/loss\none,2\n"),
    "history.csv binary": ("history.csv", b"\x00\xff\xfe"),
    "verdict.json a mapping": ("verdict.json", b'{"a": 1}'),
    "verdict.json of numbers": ("verdict.json", b"[1]"),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.quick(18)
def test_one_damaged_run_is_named_in_a_line_and_hides_no_other(damage, outputs, capsys):
    name, content = DAMAGED[damage]
    one = run_folder.find("one", outputs)
    (one.path / name).write_bytes(content)
    assert cli.main(["runs", f"output_dir={outputs}"]) == 0
    shown = capsys.readouterr()
    assert "2026-01-02_00-00-00" in shown.out and "2026-01-01_00-00-00" not in shown.out
    assert len(shown.err.splitlines()) == 1 and f"2026-01-01_00-00-00/{name}" in shown.err
    assert run_folder.find("latest", outputs).path.name == "2026-01-02_00-00-00"
    assert run_folder.find("two", outputs).path.name == "2026-01-02_00-00-00"
    assert cli.main(["runs", f"output_dir={outputs}", "columns=[run,train/loss]"]) == 2  # no such column: said
    assert "no run has 'train/loss'" in capsys.readouterr().err


def test_a_run_that_may_not_be_read_is_named(outputs, capsys):
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    one = run_folder.find("one", outputs)
    (one.path / "status.json").chmod(0)
    assert cli.main(["runs", f"output_dir={outputs}"]) == 0
    shown = capsys.readouterr()
    assert "2026-01-02" in shown.out and "Permission denied" in shown.err


def test_a_damaged_sweep_hides_no_other(tmp_path, capsys):
    from vaelab.records.sweep_folder import SweepFolder, all_sweeps, find_sweep

    for n, name in enumerate(("a", "b")):
        SweepFolder(tmp_path / "sweeps" / name).update_record(started=n, command="vaelab train -m", jobs={})
    for content in (b"[1]", b'{"sta', b'{"started": "x"}', b'{"jobs": [1]}'):
        (tmp_path / "sweeps" / "b" / "sweep.json").write_bytes(content)
        assert [s.name for s in all_sweeps(tmp_path)] == ["a"]
        assert find_sweep("latest", tmp_path).name == "a"
        assert "b/sweep.json" in capsys.readouterr().err


def test_a_damaged_job_is_named_in_the_report_of_its_sweep(outputs, capsys):
    from vaelab.records.sweep_folder import SweepFolder
    from vaelab.report import grid

    sweep = SweepFolder(outputs / "digits-dense-vae")
    names = ["2026-01-01_00-00-00", "2026-01-02_00-00-00", "2026-01-03_00-00-00"]
    sweep.update_record(jobs={name: {"overrides": [], "number": n} for n, name in enumerate(names)})
    (sweep.path / names[0] / "metrics.json").write_bytes(b'{"test/elbo')
    found = grid.read(sweep)
    assert [p.folder.path.name for p in found.points] == names[1:2] and (found.waiting, found.damaged) == (1, 1)
    assert f"{names[0]}/metrics.json" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["test", "train"])
def test_damaged_arrays_are_named_and_missing_ones_are_none(outputs, split):
    one = run_folder.find("one", outputs)
    content = one.codes_file.read_bytes()
    for broken in (content[:40], content[:-30], content.replace(b"distortion", b"dist\x00rtion", 1), b""):
        one.codes_file.write_bytes(broken)
        assert str(one.codes_file) in said(one.read_codes, "test")
    one.codes_file.unlink()
    assert one.read_codes(split) == {} and one.read_tiles() == {} and one.read_frames() == []
