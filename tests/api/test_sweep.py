"""`vaelab.sweep`: the command's folder and report."""

import json

import pytest
from support import BACKEND, BARE

import vaelab
from vaelab.errors import ConfigError, TrainingError

WORDS = ["dataset=digits", "model=dense", "trainer=quick", "trainer.epochs=1", f"backend={BACKEND}", *BARE]


def test_a_sweep_is_checked_whole_before_its_first_job(tmp_path):
    with pytest.raises(ConfigError, match="beta: expected a number 0 or greater, got -1"):
        vaelab.sweep(*WORDS, beta=[1, -1], output_dir=tmp_path)
    with pytest.raises(ConfigError, match="at least one value"):
        vaelab.sweep(*WORDS, beta=[], output_dir=tmp_path)
    with pytest.raises(ConfigError, match="there is no such sweep"):
        vaelab.sweep(*WORDS, sweep="no_such_recipe", output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_finds_everything_done(tmp_path, command):
    found = vaelab.sweep(*WORDS, beta=[0.5, 4], sweep_name="ladder", output_dir=tmp_path / "outputs")
    assert found.runs["beta"].tolist() == [0.5, 4.0] and found.runs.columns[0] == "beta"
    assert (found.runs["state"] == "done").all() and found.report.endswith("sweeps/ladder/report.html")
    assert found.best.config["beta"] in (0.5, 4) and "2 done" in found._repr_html_()
    record = json.loads((found.folder.path / "sweep.json").read_text())
    assert record["command"].startswith("vaelab train -m dataset=digits") and "beta=0.5,4" in record["command"]
    threads = found.best.config["trainer"]["threads"]
    done = command("train", "-m", *WORDS, "beta=0.5,4", "sweep_name=ladder", f"trainer.threads={threads}")
    assert "0 to do" in done.stdout
    assert vaelab.Sweep("ladder", output_dir=tmp_path / "outputs").runs.equals(found.runs)


@pytest.mark.slow
def test_a_failing_job_is_an_error_and_the_rest_is_there(tmp_path):
    with pytest.raises(TrainingError, match=r"1 of 2 jobs failed.*vaelab\.Sweep\("):
        vaelab.sweep(*WORDS, trainer={"learning_rate": [0.001, 1e20]}, output_dir=tmp_path, sweep_name="half")
    half = vaelab.Sweep("half", output_dir=tmp_path)
    assert sorted(half.runs["state"]) == ["done", "failed"] and half.best.state == "done"
