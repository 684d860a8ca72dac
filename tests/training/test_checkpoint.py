"""The folder of checkpoints: what it keeps, how it is read while it is written, damage, and the former format."""

import json
import shutil
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vaelab.errors import RunError
from vaelab.training.checkpoint import CheckpointFolder, TrainingState


def w(value, n=3):
    """One array."""
    return {"w": np.full(n, float(value))}


def test_the_best_weights_of_a_cut_short_epoch_are_not_those_of_the_finished_one(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9, best_epoch=3), w(3), {}, w(3))
    folder.save(TrainingState(epoch=4, step=10, best_epoch=4, cut_short=True), w(40), {}, w(40))
    assert folder.load(steps=15)[0].epoch == 3
    folder.save(TrainingState(epoch=5, step=15, best_epoch=4), w(5), {}, w(4))  # no checkpoint of epoch 4
    assert folder.load().best["w"][0] == 4.0
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000005"]


def test_an_epoch_that_was_cut_short_is_replaced_when_finished(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9), w(0), {}, None)
    folder.save(TrainingState(epoch=4, step=10, cut_short=True), w(1), {}, None)
    folder.save(TrainingState(epoch=4, step=12), w(2), {}, None)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000004"] and folder.load().model["w"][0] == 2.0


# -- read by another process -------------------------------------------------------------------------------------------


def test_a_checkpoint_is_read_whole_while_newer_ones_take_its_place(tmp_path):
    """What a process that evaluates beside a training sees: always the arrays of one epoch, never a complaint."""
    stop, folder = threading.Event(), CheckpointFolder(tmp_path)

    def save(epoch):
        arrays = {name: np.full(2000, float(epoch)) for name in "abc"}
        CheckpointFolder(tmp_path).save(
            TrainingState(epoch=epoch, step=epoch, best_epoch=epoch), arrays, arrays, arrays
        )

    def train():
        epoch = 1
        while not stop.is_set():
            epoch += 1
            save(epoch)

    save(1)
    writer = threading.Thread(target=train)
    writer.start()
    try:
        seen, end = [], time.monotonic() + 60
        while len(set(seen)) <= 20 and time.monotonic() < end:
            state, model, optimizer, best = folder.load()
            assert {float(a[0]) for arrays in (model, optimizer, best) for a in arrays.values()} == {float(state.epoch)}
            seen.append(state.epoch)
    finally:
        stop.set()
        writer.join()
    assert seen == sorted(seen) and len(set(seen)) > 20


def test_folders_that_are_replaced_between_listing_and_looking_are_listed_again(tmp_path, monkeypatch):
    folder, is_file = CheckpointFolder(tmp_path), Path.is_file
    for epoch in (1, 2):
        folder.save(TrainingState(epoch=epoch, step=epoch, best_epoch=epoch), {}, {}, {})
    newest = folder.newest()

    def replaced(path):
        if path == newest / "state.json":
            shutil.move(newest, tmp_path / "epoch-000003")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", replaced)
    assert folder.newest() == tmp_path / "epoch-000003"


DAMAGES = {
    "model cut short": lambda f: (f / "model.npz").write_bytes((f / "model.npz").read_bytes()[:100]),
    "optimizer gone": lambda f: (f / "optimizer.npz").unlink(),
    "state a list": lambda f: (f / "state.json").write_text("[1]"),
    "state a number": lambda f: (f / "state.json").write_text("1"),
    "state of no format": lambda f: (f / "state.json").write_text("{}"),
    "an unknown counter": lambda f: (f / "state.json").write_text(json.dumps({"format": 1, "moon": 2})),
    "one array instead of several": lambda f: (np.save(f / "a.npy", np.ones(3)), (f / "a.npy").rename(f / "model.npz")),
    "text among the arrays": lambda f: zipfile.ZipFile(f / "model.npz", "a").writestr("w.txt", "no array"),
    "best a folder": lambda f: ((f / "best.npz").unlink(), (f / "best.npz").mkdir()),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_that_stays_is_told(kind, tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9, best_epoch=3), w(1), w(1), w(1))
    DAMAGES[kind](tmp_path / "epoch-000003")
    with pytest.raises(RunError, match="epoch-000003 is damaged"):
        folder.load()


def test_without_a_checkpoint_there_is_nothing(tmp_path):
    assert CheckpointFolder(tmp_path / "none").load() is None
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9), w(1), {}, None)
    assert folder.load().best is None
    shutil.rmtree(tmp_path / "epoch-000003")
    assert folder.load() is None


# -- arrays by position, as format 1 kept them ------------------------------------------------------------------------


def written_by_position(path, epoch, **arrays) -> CheckpointFolder:
    """A checkpoint of format 1: its arrays are called by their numbers."""
    folder = path / f"epoch-{epoch:06d}"
    folder.mkdir(parents=True)
    for name, values in arrays.items():
        np.savez(folder / f"{name}.npz", **{f"{n:05d}": np.full(3, float(v)) for n, v in enumerate(values)})
    state = {"format": 1, **vars(TrainingState(epoch=epoch, step=epoch, best_epoch=1))}
    (folder / "state.json").write_text(json.dumps(state))
    return CheckpointFolder(path)


def test_arrays_by_position_are_read_in_their_order(tmp_path):
    saved = written_by_position(tmp_path, 3, model=range(12), optimizer=[], best=[7]).load()
    assert [a[0] for a in saved.model] == list(range(12)) and saved.optimizer == [] and saved.best[0][0] == 7
    assert saved.state.epoch == 3


def test_best_weights_by_position_are_written_anew_not_linked(tmp_path):
    folder = written_by_position(tmp_path, 3, model=[3], optimizer=[], best=[1])
    folder.save(TrainingState(epoch=4, step=4, best_epoch=1), w(4), {}, w(1))
    assert folder.load().best["w"].tolist() == [1, 1, 1]
