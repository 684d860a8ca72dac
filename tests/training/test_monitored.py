"""What marks the best epoch: the objective says, the user may say otherwise, and some have nothing to go by."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from support import ROOT

from vaelab.errors import ConfigError
from vaelab.jobs.opening import as_begun
from vaelab.records.run_folder import RunFolder
from vaelab.training.callbacks import Bookkeeper
from vaelab.training.checkpoint import CheckpointFolder, TrainingState
from vaelab.training.fit import monitored_key

OBJECTIVES = {"vae": "loss", "iwae": "loss", "tcvae": "loss", "avb": None, "avb_ac": None, "capacity": None}
OBJECTIVES |= {"mmd": "loss", "dipvae": "loss", "factorvae": None, "m2": "loss"}


def objective(name):
    """The class of an option of conf/objective."""
    kind = {"vae": "VAE", "iwae": "IWAE", "tcvae": "TCVAE", "avb": "AVB", "avb_ac": "AVBAC", "capacity": "Capacity"}
    kind |= {"mmd": "MMD", "dipvae": "DIPVAE", "factorvae": "FactorVAE", "m2": "M2"}
    return getattr(importlib.import_module(f"vaelab.objectives.{name}"), kind[name])


def key(model_objective, optimize=None, validates=True, early_stopping=None):
    vae = SimpleNamespace(objective=model_objective)
    return monitored_key(optimize, vae, validates=validates, early_stopping=early_stopping)


def test_each_objective_says_what_ranks_its_models():
    assert {path.stem for path in (ROOT / "conf/objective").glob("*.yaml")} == set(OBJECTIVES)
    for name, term in OBJECTIVES.items():
        assert objective(name).ranks_models_by == term
        assert key(objective(name)) == (None if term is None else f"val/{term}")
        assert key(objective(name), validates=False) == (None if term is None else f"train/{term}")


def test_the_user_has_the_last_word():
    assert key(objective("avb"), "val/distortion", early_stopping=3) == "val/distortion"
    assert key(objective("vae"), "-val/elbo") == "-val/elbo"
    with pytest.raises(ConfigError, match=r"expected one of train/loss, .*val/elbo "):
        key(objective("vae"), "val/elbow")
    with pytest.raises(ConfigError, match="expected one of train/loss"):
        key(objective("vae"), "val/loss", validates=False)


def test_a_users_own_objective_is_ranked_by_its_loss():
    assert key(SimpleNamespace(terms=("distortion",))) == "val/loss"


@pytest.mark.parametrize("name", ["avb", "avb_ac", "capacity"])
@pytest.mark.parametrize("validates", [True, False])
def test_early_stopping_without_anything_to_go_by(name, validates):
    better = f"optimize={'val' if validates else 'train'}/distortion"
    with pytest.raises(ConfigError, match=f"early_stopping=5: no value of an epoch ranks.*{better}"):
        key(objective(name), validates=validates, early_stopping=5)


def judged(monitored, values, keep_best=True, patience=None, monitor_from=None):
    """A bookkeeper after epochs with these validation losses; the model's one weight is the epoch's number."""
    weight = SimpleNamespace(value=np.zeros(1))
    keeper = Bookkeeper(
        TrainingState(), None, None, variables={"w": weight}, slots={}, monitored=monitored, keep_best=keep_best,
        patience=patience, monitor_from=monitor_from, every=1, best=None, last_epoch=9, total_steps=9,
        on_epoch=None, measure=None,
    )  # fmt: skip
    for epoch, value in enumerate(values, start=1):
        weight.value, keeper.state.epoch = np.full(1, float(epoch)), epoch
        keeper._judge({"val/loss": value})
    return keeper


def test_the_weights_of_the_best_epoch_are_kept_or_none():
    kept = judged("val/loss", [3.0, 1.0, 2.0])
    assert (kept.state.best_epoch, kept.best["w"].tolist()) == (2, [2.0])
    assert judged("-val/loss", [3.0, 1.0, 2.0]).best["w"].tolist() == [1.0]
    kept = judged(None, [3.0, 1.0, 2.0])
    assert kept.best is None and kept.state.best_value is None and not kept.state.stopped


def test_nothing_counts_before_the_first_monitored_epoch():
    kept = judged("val/loss", [0.0, 0.0, 5.0, 3.0, 4.0, 4.0], patience=2, monitor_from=3)
    assert (kept.state.best_epoch, kept.best["w"].tolist(), kept.state.stopped) == (4, [4.0], True)
    assert not judged("val/loss", [0.0, 1.0, 2.0], patience=2, monitor_from=3).state.stopped
    assert judged("val/loss", [0.0, 1.0], monitor_from=3).best is None


@pytest.mark.parametrize(
    "row,optimize", [({"train/loss": 1.0, "val/loss": 2.0}, "val/loss"), ({"train/loss": 1.0}, "train/loss")]
)
def test_a_run_that_does_not_say_goes_on_as_it_began(tmp_path, row, optimize):
    """Its checkpoint is of the time when every objective's models were ranked by the loss."""
    folder, cfg = RunFolder(tmp_path / "run"), {"optimize": None}
    folder.path.mkdir()
    assert as_begun(cfg, folder) == cfg, "nothing trained yet: today's rule"
    array = {"w": np.zeros(1)}
    CheckpointFolder(folder.checkpoint).save(TrainingState(epoch=1, step=1, history=[row]), array, array, None)
    assert as_begun(cfg, folder) == {"optimize": optimize}
    assert as_begun({"optimize": "val/rate"}, folder) == {"optimize": "val/rate"}
    (folder.path / "status.json").write_text(json.dumps({"monitored": None}))
    assert as_begun(cfg, folder) == cfg
