"""Stopped and continued in one process: counters, early stopping, length; and checkpoints that cannot be written."""

import errno
import json
import os
import signal

import numpy as np
import pytest
from omegaconf import OmegaConf
from support import BACKEND

from vaelab.config.compose import compose
from vaelab.errors import ConfigError, Interrupted, RunError
from vaelab.jobs import opening
from vaelab.training import checkpoint, variables
from vaelab.training.checkpoint import CheckpointFolder, TrainingState

SMALL = ["model=dense", "model.hidden_dims=[16]", "dataset.limit=300", "trainer.batch_size=90", "tracking=none",
         "trainer.progress=false", "dataset.binarize=dynamic",
         f"backend={BACKEND}"]  # fmt: skip


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may catch it."""


def train(path, *words, kill_after=None, told=None):
    """Trains from the newest checkpoint below `path`; returns (what fit returns, the model's arrays).

    Args:
        told: a list that gets the numbers of the epochs that each call of `on_epoch` told of.
    """
    from vaelab.build import build, part
    from vaelab.training.fit import fit, plan
    from vaelab.training.initializers import start_objective, start_prior

    cfg = OmegaConf.to_container(compose("train", [*SMALL, *words]), resolve=True)
    trainer = opening.start_backend(cfg)
    dataset = opening.open_dataset(cfg)
    steps = plan(trainer, len(dataset.train)).steps
    vae = build(cfg, dataset.facts, total_steps=steps)
    start_prior(vae, dataset.train.training_inputs, 0)
    start_objective(vae, dataset.train.training_inputs)

    def on_epoch(history):
        if history[-1]["epoch"] == kill_after:
            raise Killed
        if told is not None:
            told.append([row["epoch"] for row in history])

    fitted = fit(
        vae, dataset, trainer, seed=0, optimize=None, checkpoint_path=path, on_epoch=on_epoch,
        schedule=part(cfg["learning_rate_schedule"], "learning_rate_schedule"),
    )  # fmt: skip
    return fitted, list(variables.arrays_of(variables.of_model(vae)).values())


def killed(path, *words, after):
    with pytest.raises(Killed):
        train(path, *words, kill_after=after)


def assert_same(one, two):
    """Counters, history (but for time) and arrays."""
    (a, x), (b, y) = one, two
    assert facts(a) == facts(b)
    assert len(x) == len(y) and all(np.array_equal(p, q) for p, q in zip(x, y))


def facts(fitted):
    history = [{k: v for k, v in row.items() if not k.startswith("time/")} for row in fitted.history]
    return history, fitted.epochs, fitted.steps, fitted.weights_epoch, fitted.stopped_early


LEARNED = {
    "mixture": ["prior=mixture", "prior.components=3"],
    "vamp": ["prior=vamp", "prior.pseudo_inputs=5", "prior.start_from=images"],
    "exemplar": ["prior=exemplar", "prior.terms=3"],
    "realnvp": ["prior=realnvp", "prior.couplings=2", "prior.hidden_dims=[4]"],
    "levels": ["structure=two_level", "structure.levels=[3,2]", "structure.hidden_dim=8", "prior=vamp",
               "prior.pseudo_inputs=5"],
    "ladder": ["structure=two_level", "structure.inference=ladder", "structure.levels=[3,2]", "structure.hidden_dim=8",
               "objective.free_bits=[0.1,0.2]", "objective.level_warmup=[0,3]"],
    "m2": ["condition=label", "objective=m2", "objective.bound_weight=1", "objective.summed_classes=1",
           "dataset.labelled=40"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("learned", LEARNED)
def test_what_was_learned_goes_on(tmp_path, learned):
    words = [*LEARNED[learned], "trainer.epochs=3", "dataset.validation=0.2"]
    whole = train(tmp_path / "whole", *words)
    killed(tmp_path / "cut", *words, after=2)
    assert_same(train(tmp_path / "cut", *words), whole)


def test_an_epoch_that_a_kill_left_untold_is_told_after_the_resume(tmp_path):
    """Its checkpoint was written, history.csv and MLflow did not have it yet."""
    killed(tmp_path / "cut", "trainer.epochs=3", after=2)
    told = []
    train(tmp_path / "cut", "trainer.epochs=3", told=told)
    assert told == [[1, 2, 3]]


@pytest.mark.slow
def test_early_stopping_goes_on_where_it_was(tmp_path):
    """A learning rate that soon does harm: the best epoch, how long it waited and the best weights survive."""
    words = ["trainer.epochs=30", "trainer.early_stopping=3", "trainer.learning_rate=0.3", "trainer.checkpoint_every=2"]
    whole = train(tmp_path / "whole", *words)
    assert whole[0].stopped_early and whole[0].epochs < 30
    end = whole[0].epochs
    for after in (end - 2, end - 1):
        killed(tmp_path / "cut", *words, after=after)
    assert_same(train(tmp_path / "cut", *words), whole)


@pytest.mark.slow
def test_longer_training_of_a_finished_run(tmp_path):
    train(tmp_path / "longer", "trainer.epochs=3")
    assert_same(train(tmp_path / "longer", "trainer.epochs=7"), train(tmp_path / "whole", "trainer.epochs=7"))


@pytest.mark.slow
@pytest.mark.parametrize("every", [100, 1])
@pytest.mark.parametrize("steps", [14, 12])
def test_longer_training_in_steps_finishes_the_epoch_that_was_cut_short(tmp_path, every, steps):
    """3 steps an epoch: 10 steps end one step into the fourth epoch, 14 two steps into the fifth, 12 at its end."""
    words = [f"trainer.checkpoint_every={every}"]
    short, _ = train(tmp_path / "longer", "trainer.steps=10", *words)
    assert (short.epochs, short.steps) == (4, 10)
    assert sorted(p.name for p in (tmp_path / "longer").iterdir()) == ["epoch-000003", "epoch-000004"]
    longer = train(tmp_path / "longer", f"trainer.steps={steps}", *words)
    assert_same(longer, train(tmp_path / "whole", f"trainer.steps={steps}", *words))
    assert longer[0].steps == steps and longer[0].history[3]["epoch"] == 4


@pytest.mark.slow
def test_minutes_between_checkpoints(tmp_path):
    killed(tmp_path / "rare", "trainer.epochs=4", "trainer.checkpoint_every=60min", after=3)
    assert CheckpointFolder(tmp_path / "rare").newest() is None
    killed(tmp_path / "often", "trainer.epochs=4", "trainer.checkpoint_every=0.00001min", after=2)
    assert CheckpointFolder(tmp_path / "often").newest().name == "epoch-000002"


@pytest.mark.parametrize("every", ["5 hours", "-1min", "min"])
def test_intervals_that_cannot_be(every):
    from vaelab.training.callbacks import _interval

    assert _interval("5min") == (None, 300.0) and _interval(3) == (3, None)
    with pytest.raises(ConfigError, match="checkpoint_every"):
        _interval(every)


def test_a_full_disk_costs_a_checkpoint_not_the_training(tmp_path, monkeypatch, capsys):
    """The disk is full while the second and third are written: the first stays whole, the fourth replaces it."""
    write, seen = checkpoint._write_arrays, []

    def full(path, arrays):
        if path.name == "optimizer.npz":
            seen.append(CheckpointFolder(tmp_path).newest())
            if len(seen) in (2, 3):
                path.write_bytes(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")
        write(path, arrays)

    monkeypatch.setattr(checkpoint, "_write_arrays", full)
    fitted, _ = train(tmp_path, "trainer.epochs=4")
    assert fitted.epochs == 4 and [p and p.name for p in seen] == [None] + 3 * ["epoch-000001"]
    told = capsys.readouterr().err
    assert told.count("warning: no checkpoint of epoch") == 2 and "No space left" in told
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000004"]


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3, "5min"])
def test_ctrl_c_finishes_the_step_and_keeps_the_epochs(every, tmp_path, monkeypatch):
    from vaelab.training import callbacks, fit

    calls, words = [], ["trainer.epochs=4", "trainer.batch_size=10", f"trainer.checkpoint_every={every}"]

    def press(self, batch, logs=None):
        calls.append((self.batches.epoch, batch))
        if calls[-1] == (2, 1):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(callbacks.EpochClock, "on_train_batch_begin", press, raising=False)
    monkeypatch.setattr(fit, "steps_per_call", lambda vae, batches, held: 1)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted):
        train(tmp_path / "cut", *words)
    assert signal.getsignal(signal.SIGINT) is before and calls[-1] == (2, 1)
    assert CheckpointFolder(tmp_path / "cut").newest().name == "epoch-000002"
    monkeypatch.undo()
    assert_same(train(tmp_path / "cut", *words), train(tmp_path / "whole", *words))


# -- the folder --------------------------------------------------------------------------------------------------------


def saved(path, epoch, **more) -> CheckpointFolder:
    folder = CheckpointFolder(path)
    arrays = {"w": np.full(3, epoch, np.float32)}
    folder.save(TrainingState(epoch=epoch, step=epoch, best_epoch=1, history=[], **more), arrays, arrays, arrays)
    return folder


def test_half_written_and_half_removed_folders_are_not_seen(tmp_path):
    folder = saved(tmp_path, 2)
    (tmp_path / ".writing-99").mkdir()
    (tmp_path / ".old-epoch-000001").mkdir()
    (tmp_path / "epoch-000009").mkdir()  # no state.json in it
    assert folder.load()[0].epoch == 2
    saved(tmp_path, 3)
    assert not list(tmp_path.glob(".*")) and folder.newest().name == "epoch-000003"


def test_the_best_weights_are_linked_not_copied(tmp_path):
    first = saved(tmp_path, 1).newest() / "best.npz"
    inode = first.stat().st_ino
    folder = saved(tmp_path, 2)
    assert (folder.newest() / "best.npz").stat().st_ino == inode
    assert folder.load().best["w"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("harm", ["truncate", "newer", "nonsense"])
def test_damage_is_named(tmp_path, harm):
    newest = saved(tmp_path, 1).newest()
    if harm == "truncate":
        (newest / "model.npz").write_bytes((newest / "model.npz").read_bytes()[:50])
    else:
        state = json.loads((newest / "state.json").read_text()) | {"format": 99}
        (newest / "state.json").write_text(json.dumps(state) if harm == "newer" else "{")
    with pytest.raises(RunError, match="newer vaelab" if harm == "newer" else "damaged.*Remove it"):
        CheckpointFolder(tmp_path).load()
