"""hydra.run.dir may name a run that is there: it is gone on with if it is of the same settings, and else left alone."""

import pytest
from omegaconf import OmegaConf

from vaelab import cli
from vaelab.config.compose import compose
from vaelab.errors import ConfigError
from vaelab.jobs import opening
from vaelab.records.run_folder import RunFolder


def config(*words):
    return OmegaConf.to_container(compose("train", list(words)), resolve=True)


@pytest.fixture
def finished(tmp_path):
    folder = RunFolder(tmp_path / "one")
    cfg = config("beta=2", "model=dense")
    cfg["trainer"]["threads"] = 2  # as training fills it in
    folder.write_config(cfg)
    folder.update_status(state="done", chosen={"model": "dense", "dataset": "digits"})
    return folder


def content(folder):
    return {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "words,told",
    [
        (["beta=4", "model=dense"], "beta=4 for 2"),
        (["beta=2"], "model._target_=vaelab.models.conv_v2.ConvV2 for vaelab.models.dense.Dense"),
        (["beta=2", "model=dense", "trainer.epochs=99", "seed=1", "latent_dim=3", "trainer.batch_size=9"], ", ...)"),
    ],
)
@pytest.mark.quick(3)
def test_other_settings_are_refused_and_nothing_is_written(finished, capsys, words, told):
    before = content(finished)
    assert cli.main(["train", *words, f"hydra.run.dir={finished.path}"]) == 2
    said = capsys.readouterr().err
    assert "holds a run of other settings" in said and told in said and len(said.splitlines()) == 1
    assert content(finished) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["beta=2.0"],
        ["run_name=a", "plot=[]", "explorer=none", "tracking=none", "trainer.progress=false", "data_dir=/"],
    ],
)
@pytest.mark.quick(3)
def test_the_same_settings_are_taken_and_what_changes_no_result_may_differ(finished, words):
    assert opening.refuse_other_settings(finished, config("beta=2", "model=dense", *words)) is None


def test_an_older_run_is_compared_by_what_its_missing_settings_mean(finished):
    cfg = finished.read_config()
    del cfg["model"]["hidden_dims"], cfg["optimize"]
    finished.write_config(cfg)
    assert opening.refuse_other_settings(finished, config("beta=2", "model=dense")) is None
    with pytest.raises(ConfigError, match="optimize"):
        opening.refuse_other_settings(finished, config("beta=2", "model=dense", "optimize=train/loss"))


def test_a_new_folder_is_anyones(tmp_path):
    assert opening.refuse_other_settings(RunFolder(tmp_path / "new"), config()) is None
