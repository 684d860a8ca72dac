"""A run whose data are no longer what it was trained on: refused, or accepted and recorded, never in silence."""

import json
import shutil

import numpy as np
import pytest
from parts import config
from support import BACKEND, BARE, rest_slow, vaelab

import vaelab as package
from vaelab import cli
from vaelab.errors import ConfigError, RunError
from vaelab.jobs import opening
from vaelab.jobs.train import check, model
from vaelab.records.run_folder import RunFolder


def arrays(seed):
    rng = np.random.default_rng(seed)
    return {f"{kind}_{part}": rng.integers(256 if kind == "x" else 3, size=(n, *((4, 4) if kind == "x" else ())))
            for part, n in (("train", 60), ("test", 30)) for kind in "xy"}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("changed")
    np.savez(cwd / "mine.npz", **arrays(0))
    vaelab("train", "dataset=npz", "dataset.path=mine.npz", "model=dense", "model.hidden_dims=[8]", "trainer.epochs=1",
           "metric=[elbo]", f"backend={BACKEND}", "hydra.run.dir=outputs/r", *BARE, cwd=cwd)  # fmt: skip
    return cwd


@pytest.fixture
def work(trained, tmp_path, monkeypatch):
    """(folder of a copy of the run, function that puts other data under the same name)."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return RunFolder("outputs/r"), lambda seed=1: np.savez("mine.npz", **arrays(seed))


def checksum(run):
    return run.status()["tags"]["data.checksum"]


OPENING = {
    "evaluate": ["metric=[elbo]"],
    "plot": ["plot=[samples]"],
    "explore": ["explore.file=page.html"],
    "resume": ["trainer.epochs=2"],
    "reproduce": [],
}


@pytest.mark.parametrize("command", OPENING)
def test_other_data_are_refused_with_both_checksums_and_the_setting(command, work, capsys):
    run, change = work
    change()
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file() and p.name not in (".lock", "run.log")}
    assert cli.main([command, f"run={run}", *OPENING[command]]) == 2
    told = capsys.readouterr().err
    assert checksum(run) in told and " now" in told and "accept_changed_data=true" in told and "Traceback" not in told
    assert before == {p: p.read_bytes() for p in before} and not list(run.path.parent.glob("reproduced/*"))


@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_the_same_data_elsewhere_are_the_same(command, work, tmp_path, monkeypatch):
    run, _ = work
    (tmp_path / "elsewhere").mkdir()
    shutil.move("mine.npz", tmp_path / "elsewhere")
    assert cli.main([command, f"run={run}", *OPENING[command], f"data_dir={tmp_path}/elsewhere"]) == 0


def test_accepted_data_are_recorded_in_the_numbers_and_the_status(work, capsys):
    run, change = work
    trained_on = checksum(run)
    change()
    assert cli.main(["evaluate", f"run={run}", "metric=[elbo]", "accept_changed_data=true"]) == 0
    assert "the data changed" in capsys.readouterr().err
    (accepted,) = run.status()["changed_data"]
    assert accepted["trained_on"] == trained_on == checksum(run) != accepted["accepted"]
    note = run.read_metrics()["test/elbo"]["note"]
    assert trained_on in note and accepted["accepted"] in note
    assert cli.main(["evaluate", f"run={run}", "metric=[elbo]"]) == 2  # accepted once, not for ever
    shutil.copy(run.path / "status.json", "status.json")
    assert cli.main(["evaluate", f"run={run}", "metric=[elbo]", "accept_changed_data=true"]) == 0
    assert len(run.status()["changed_data"]) == 1


def test_training_goes_on_with_accepted_data_and_says_so(work):
    run, change = work
    trained_on = checksum(run)
    change()
    assert cli.main(["resume", f"run={run}", "trainer.epochs=2", "accept_changed_data=true"]) == 0
    assert run.status()["changed_data"] == [{"trained_on": trained_on, "accepted": checksum(run)}]
    assert checksum(run) != trained_on and trained_on in run.read_metrics()["test/elbo"]["note"]
    assert cli.main(["evaluate", f"run={run}", "metric=[elbo]"]) == 0


def test_a_run_without_a_checksum_is_opened(work):
    run, change = work
    status = json.loads((run.path / "status.json").read_text())
    del status["tags"]
    (run.path / "status.json").write_text(json.dumps(status))
    change()
    assert cli.main(["evaluate", f"run={run}", "metric=[elbo]"]) == 0
    assert "note" not in run.read_metrics()["test/elbo"] or run.read_metrics()["test/elbo"]["note"] is None


def test_in_a_notebook(work):
    run, change = work
    change()
    with pytest.raises(RunError, match=checksum(run)):
        package.load(run.path).encode(np.zeros((1, 4, 4, 1)))
    mean, _ = package.load(run.path, accept_changed_data=True).encode(np.zeros((1, 4, 4, 1)))
    assert len(mean) == 1


@pytest.mark.parametrize("likelihood", rest_slow(["bernoulli", "continuous_bernoulli", "discretized_logistic"], 1))
@pytest.mark.parametrize("kind", rest_slow(["standardised", "real"], 1))
def test_pixels_outside_the_unit_interval_have_no_likelihood_of_that_kind(likelihood, kind, tmp_path, monkeypatch):
    """Earlier versions trained such runs: they are continued and repeated."""
    monkeypatch.chdir(tmp_path)
    np.savez("real.npz", x=np.random.default_rng(0).normal(size=(20, 4, 4)))
    own = {
        "standardised": ["dataset=digits", "dataset.standardize=true"],
        "real": ["dataset=npz", "dataset.path=real.npz", "dataset.values=real", "dataset.train=[x]",
                 "dataset.test=null", "dataset.train_labels=null"],
    }[kind]  # fmt: skip
    cfg = config("model=dense", f"likelihood={likelihood}", f"backend={BACKEND}", "trainer.epochs=1", *own)

    def begin(*, new):
        trainer = opening.trainer_of(cfg)
        check(cfg, trainer, new=new)
        model(cfg, trainer, opening.open_dataset(cfg), new=new)

    with pytest.raises(ConfigError, match=rf"these are {kind}.*likelihood=gaussian"):
        begin(new=True)
    begin(new=False)
    cfg["likelihood"] = config("likelihood=gaussian")["likelihood"]
    begin(new=True)
