"""What a checkpoint holds is a copy: training goes on and must not reach into it."""

import json
import shutil
import threading

import keras
import numpy as np
import pytest

from vaelab.errors import RunError
from vaelab.training.checkpoint import CheckpointFolder, TrainingState, arrays_of, assign


def test_arrays_do_not_follow_their_variables():
    weights = keras.Variable(np.ones((3, 4), "float32"))
    steps = keras.Variable(np.zeros((), "int32"), dtype="int32", trainable=False)
    kept = arrays_of([weights, steps])
    weights.assign_add(np.full((3, 4), 7.0, "float32"))
    steps.assign_add(1)
    np.testing.assert_array_equal(kept[0], np.ones((3, 4)))
    assert kept[1] == 0
    assign([weights, steps], kept)
    weights.assign(weights + 1)
    np.testing.assert_array_equal(kept[0], np.ones((3, 4)))


def test_the_best_weights_of_a_cut_short_epoch_are_not_those_of_the_finished_one(tmp_path):
    folder = CheckpointFolder(tmp_path)
    array = lambda v: [np.full(3, float(v))]  # noqa: E731
    folder.save(TrainingState(epoch=3, step=9, best_epoch=3), array(3), [], array(3))
    folder.save(TrainingState(epoch=4, step=10, best_epoch=4, cut_short=True), array(40), [], array(40))
    assert folder.load(steps=15)[0].epoch == 3
    folder.save(TrainingState(epoch=5, step=15, best_epoch=4), array(5), [], array(4))  # no checkpoint of epoch 4
    assert folder.load()[3][0][0] == 4.0
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000005"]


def test_an_epoch_that_was_cut_short_is_replaced_when_finished(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9), [np.zeros(1)], [], None)
    folder.save(TrainingState(epoch=4, step=10, cut_short=True), [np.ones(1)], [], None)
    folder.save(TrainingState(epoch=4, step=12), [np.full(1, 2.0)], [], None)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-000004"] and folder.load()[1][0] == 2.0


# -- read by another process -------------------------------------------------------------------------------------------


def test_a_checkpoint_is_read_whole_while_newer_ones_take_its_place(tmp_path):
    """What a process that evaluates beside a training sees: always the arrays of one epoch, never a complaint."""
    stop, folder = threading.Event(), CheckpointFolder(tmp_path)

    def save(epoch):
        arrays = [np.full(2000, float(epoch))] * 3
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
        seen = []
        for _ in range(300):
            state, model, optimizer, best = folder.load()
            assert {float(a[0]) for a in (*model, *optimizer, *best)} == {float(state.epoch)}
            seen.append(state.epoch)
    finally:
        stop.set()
        writer.join()
    assert seen == sorted(seen) and len(set(seen)) > 20


DAMAGES = {
    "model cut short": lambda f: (f / "model.npz").write_bytes((f / "model.npz").read_bytes()[:100]),
    "optimizer gone": lambda f: (f / "optimizer.npz").unlink(),
    "state a list": lambda f: (f / "state.json").write_text("[1]"),
    "state a number": lambda f: (f / "state.json").write_text("1"),
    "state of no format": lambda f: (f / "state.json").write_text("{}"),
    "an unknown counter": lambda f: (f / "state.json").write_text(json.dumps({"format": 1, "moon": 2})),
    "one array instead of several": lambda f: (np.save(f / "a.npy", np.ones(3)), (f / "a.npy").rename(f / "model.npz")),
    "best a folder": lambda f: ((f / "best.npz").unlink(), (f / "best.npz").mkdir()),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_that_stays_is_told(kind, tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9, best_epoch=3), [np.ones(9)], [np.ones(2)], [np.ones(9)])
    DAMAGES[kind](tmp_path / "epoch-000003")
    with pytest.raises(RunError, match="epoch-000003 is damaged"):
        folder.load()


def test_without_a_checkpoint_there_is_nothing(tmp_path):
    assert CheckpointFolder(tmp_path / "none").load() is None
    folder = CheckpointFolder(tmp_path)
    folder.save(TrainingState(epoch=3, step=9), [np.ones(9)], [], None)
    assert folder.load()[3] is None
    shutil.rmtree(tmp_path / "epoch-000003")
    assert folder.load() is None
