"""Metrics, pictures and frames during training: there when due, kept through a kill, and without a trace in weights."""

import os

import numpy as np
import pytest
from omegaconf import OmegaConf

from vaelab.config.compose import compose
from vaelab.errors import RunError
from vaelab.jobs import during, opening
from vaelab.records.run_folder import RunFolder
from vaelab.system import printing
from vaelab.training import variables

SMALL = ["model=dense", "model.hidden_dims=[16]", "dataset.limit=300", "trainer.batch_size=90", "tracking=none",
         "trainer.progress=false", "dataset.binarize=dynamic", "trainer.epochs=5", "metric=[]", "plot=[]",
         f"backend={os.environ.get('KERAS_BACKEND', 'tensorflow')}"]  # fmt: skip


class Killed(BaseException):
    """Stands for SIGKILL."""


def train(path, *words, kill_after=None):
    """Trains in the run folder `path` from its newest checkpoint; returns (history, the model's arrays)."""
    from vaelab.build import build, part
    from vaelab.training.fit import fit, plan

    cfg = OmegaConf.to_container(compose("train", [*SMALL, *words]), resolve=True)
    trainer = opening.start_backend(cfg)
    dataset = opening.open_dataset(cfg)
    path.mkdir(exist_ok=True)
    folder, wanted = RunFolder(path), plan(trainer, len(dataset.train))
    vae = build(cfg, dataset.facts, total_steps=wanted.steps, precision=trainer.precision)
    watching = during.DuringTraining(cfg, trainer, folder, vae, dataset, last_epoch=wanted.epochs)
    watching.before()

    def on_epoch(history):
        if history[-1]["epoch"] == kill_after:
            raise Killed

    fitted = fit(
        vae, dataset, trainer, seed=0, optimize=None, checkpoint_path=folder.checkpoint, on_epoch=on_epoch,
        schedule=part(cfg["learning_rate_schedule"], "learning_rate_schedule"), measure=watching,
    )  # fmt: skip
    return fitted.history, list(variables.arrays_of(variables.of_model(vae)).values())


def frames(path):
    return RunFolder(path).read_frames()


ALL = ["metric=[elbo,knn_accuracy,mig]", "metric_every=2", "plot=[training_animation,samples]", "plot_every=3"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], marks=pytest.mark.slow),
        pytest.param(["posterior=implicit", "objective=avb", "metric=[elbo]"], marks=pytest.mark.slow),
        pytest.param(["trainer.precision=bfloat16"], marks=pytest.mark.slow),
    ],
    ids=["gaussian", "avb", "bfloat16"],
)
def test_nothing_of_it_moves_a_weight(tmp_path, words, capsys):
    printing.install()
    history, plain = train(tmp_path / "plain", *words)
    watched, same = train(tmp_path / "watched", *ALL, *words)
    assert len(plain) == len(same) and all(np.array_equal(a, b) for a, b in zip(plain, same))
    for row, other in zip(history, watched):
        assert {k: v for k, v in row.items() if not k.startswith("time/")}.items() <= other.items()
    measured = [sorted(k for k in row if k.startswith("test/")) for row in watched]
    assert [bool(m) for m in measured] == [False, True, False, True, False]
    assert [e for e, _ in frames(tmp_path / "watched")] == [0, 1, 2, 3, 4, 5]
    pictures = sorted(p.name for p in (tmp_path / "watched" / "figures" / "epochs").iterdir())
    assert pictures == ["samples-000003.png"]
    if not words:
        assert "test/knn_accuracy" in measured[1]
        assert capsys.readouterr().err.count("metric mig left out") == 1, "said once, not every epoch"


@pytest.mark.slow
def test_what_is_measured_is_measured_at_the_weights_of_that_epoch(tmp_path):
    """Weights move between the evaluations; a compiled function must not go on with those of the first."""
    values = [row["test/elbo"] for row in train(tmp_path / "all", "metric=[elbo]", "metric_every=1")[0]]
    assert len(set(values)) == 5
    alone, _ = train(tmp_path / "alone", "metric=[elbo]", "metric_every=5")
    assert alone[-1]["test/elbo"] == values[-1]


@pytest.mark.slow
def test_frames_and_metrics_survive_a_kill(tmp_path):
    words = ["plot=[training_animation]", "plots.training_animation.every=2", "metric=[elbo]", "metric_every=2"]
    words.append("trainer.checkpoint_every=2")
    whole, _ = train(tmp_path / "whole", *words)
    with pytest.raises(Killed):
        train(tmp_path / "cut", *words, kill_after=3)
    cut, _ = train(tmp_path / "cut", *words)
    for a, b in zip(whole, cut, strict=True):
        assert {k: v for k, v in a.items() if "time" not in k} == {k: v for k, v in b.items() if "time" not in k}
    one, two = frames(tmp_path / "whole"), frames(tmp_path / "cut")
    assert [e for e, _ in one] == [e for e, _ in two] == [0, 2, 4, 5]
    for (_, a), (_, b) in zip(one, two):
        assert set(a) == set(b) and all(np.array_equal(a[k], b[k]) for k in a)
    assert not np.array_equal(one[0][1]["samples_0"], one[-1][1]["samples_0"])


def test_no_frames_where_no_animation_is_chosen(tmp_path):
    train(tmp_path / "run", "trainer.epochs=1")
    assert frames(tmp_path / "run") == [] and not (tmp_path / "run" / "frames").exists()


def test_a_damaged_frame_is_named(tmp_path):
    train(tmp_path / "run", "trainer.epochs=1", "plot=[training_codes]")
    (tmp_path / "run" / "frames" / "epoch-000001.npz").write_bytes(b"half")
    with pytest.raises(RunError, match="epoch-000001"):
        frames(tmp_path / "run")
