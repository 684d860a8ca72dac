"""Calls of many steps: what each works on, and that no number depends on how many steps a call has."""

import os
import subprocess
import sys

import numpy as np
import pytest
from keras import ops
from support import BACKEND, ROOT, rest_slow
from test_going_on import assert_same, train

from vaelab.datasets.base import Split
from vaelab.training import fit, whole_epochs
from vaelab.training.batches import Batches, InOrder
from vaelab.training.whole_epochs import InCalls, InOrderInCalls

N, B = 23, 5  # five batches a pass, the last of three


def split(n=N):
    pixels = np.arange(2 * n, dtype=np.float32).reshape(n, 2, 1, 1) / 7
    return Split((np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1), pixels))


def both(steps_per_call, n=N, **more):
    """The batches one by one, and the same in calls."""
    settings = {"batch_size": B, "seed": 3, "steps_per_epoch": None, "last_step": 1000, **more}
    one, calls = Batches(split(n), **settings), InCalls(split(n), numbered=True, **settings)
    calls.steps_per_call = min(steps_per_call, calls.most)
    return one, calls


def walked(calls, epoch) -> list[list]:
    """The pixels of each step, as the compiled loop looks them up."""
    calls.epoch, found = epoch, []
    for item in range(len(calls)):
        steps, *nothing = calls[item]
        assert nothing == [None, None]
        assert steps.count == calls.steps_before(item + 1) - calls.steps_before(item)
        views = [ops.convert_to_numpy(view) for view in steps.views]
        for rows, numbers in zip(steps.rows[: steps.count], steps.numbers[: steps.count]):
            assert (np.diff(numbers) > 0).all() and (np.diff(rows) > 0).all()  # what the lookup is promised
            assert (views[1][rows] == calls.split.x[1][numbers]).all()
            found.append(views[0][rows].ravel().tolist())
    return found


def expected(one, epoch) -> list[list]:
    one.epoch = epoch
    return [one[i][0][0].ravel().tolist() for i in range(one.steps_before(len(one)))]


@pytest.mark.parametrize("brought", [False, True], ids=["resident", "brought"])
@pytest.mark.parametrize("steps_per_call,calls", [(1, 5), (2, 3), (3, 3), (16, 2)])
def test_a_step_sees_the_same_images_whatever_a_call_has(steps_per_call, calls, brought, monkeypatch):
    if brought:
        monkeypatch.setattr(whole_epochs, "RESIDENT", 0)
    one, several = both(steps_per_call)
    assert len(several) == calls
    for epoch in range(3):
        assert walked(several, epoch) == expected(one, epoch)


@pytest.mark.parametrize(
    "n,steps_per_epoch,most,lengths", [(N, 3, 1, [3, 3]), (20, 6, 6, [6, 2]), (3, None, 1, [1, 1])]
)
def test_epochs_that_are_no_pass_and_splits_that_are_no_batch(n, steps_per_epoch, most, lengths):
    for steps_per_call, length in zip((1, 4), lengths):
        one, calls = both(steps_per_call, n, steps_per_epoch=steps_per_epoch)
        assert len(calls) == length and calls.most == most
        for epoch in range(4):
            assert walked(calls, epoch) == expected(one, epoch)


def test_no_call_goes_beyond_the_last_step():
    one, calls = both(3, last_step=7)
    assert walked(calls, 1) == expected(one, 1)[:2]
    assert [calls.steps_before(i) for i in range(len(calls) + 1)] == [0, 2, 2, 2]


def test_one_shape_for_all_calls_but_the_smaller_batch():
    """Another shape would be another program to compile."""
    shapes = set()
    for steps_per_call in (1, 2, 4):
        _, calls = both(steps_per_call)
        shapes |= {calls[i][0].rows.shape for i in range(len(calls))}
    assert shapes == {(4, B), (1, 3)}


def test_images_that_are_brought_along_are_no_more_than_they_may(monkeypatch):
    monkeypatch.setattr(whole_epochs, "RESIDENT", 0)
    monkeypatch.setattr(whole_epochs, "BROUGHT", 3 * B * (1 + 2 * 4) - 1)  # a byte less than three batches
    _, calls = both(16)
    assert calls.most == 2 and len(calls) == 3 and len(calls[0][0].views[0]) == 2 * B


@pytest.mark.parametrize("steps_per_call,length", [(1, 5), (16, 2)])
def test_evaluation_goes_through_the_file(steps_per_call, length):
    one, calls = InOrder(split(), batch_size=B), InOrderInCalls(split(), batch_size=B)
    calls.steps_per_call = min(steps_per_call, calls.most)
    assert len(calls) == length and len(one) == 5
    found = [calls[i][0] for i in range(length)]
    rows = np.concatenate([steps.rows[: steps.count].ravel() for steps in found])
    assert rows.tolist() == [*range(N)] == np.concatenate([one[i][0][0].ravel() for i in range(5)]).tolist()


# -- training on jax ---------------------------------------------------------------------------------------------------

on_jax = pytest.mark.skipif(BACKEND != "jax", reason="jax alone takes several steps in a call")
LONG = ["trainer.batch_size=40", "trainer.steps=19", "beta_schedule=warmup"]  # 7 steps an epoch, the last of 30
KINDS = {
    "dense": [],
    "avb": ["objective=avb", "objective.critic_learning_rate=0.01"],
    "factorvae": ["objective=factorvae"],
    "exemplar": ["prior=exemplar", "prior.terms=3"],
    "bfloat16": ["trainer.precision=bfloat16", "trainer.clip_norm=1"],
    "rmsprop": ["trainer.optimizer=rmsprop", "learning_rate_schedule=cosine"],
}


@on_jax
@pytest.mark.parametrize("kind", rest_slow(KINDS, 1))
def test_weights_are_the_same_bytes_whatever_a_call_has(kind, tmp_path, monkeypatch):
    """One, four or all steps of an epoch in a call, images that lie on the device or are brought along."""
    runs = []
    for steps, resident in ((1, 2**30), (4, 2**30), (16, 2**30), (4, 0)):
        monkeypatch.setattr(whole_epochs, "RESIDENT", resident)
        monkeypatch.setattr(fit, "steps_per_call", lambda vae, batches, held, steps=steps: min(steps, batches.most))
        runs.append(train(tmp_path / f"{steps}-{resident}", *LONG, *KINDS[kind]))
    assert runs[0][0].steps == 19 and [row["epoch"] for row in runs[0][0].history] == [1, 2, 3]
    for run in runs[1:]:
        assert_same(run, runs[0])


@on_jax
def test_finding_out_how_many_steps_a_call_has_leaves_no_trace(tmp_path, monkeypatch):
    found = []

    def timed(vae, batches, held):
        found.append(whole_epochs.steps_per_call(vae, batches, held))
        return found[-1]

    monkeypatch.setattr(fit, "steps_per_call", timed)
    one = train(tmp_path / "timed", *LONG)
    assert found == [6]  # such a net's epoch takes no half second
    monkeypatch.setattr(whole_epochs, "SECONDS", 0.0)
    two = train(tmp_path / "slow", *LONG)
    assert found == [6, 1]
    monkeypatch.setattr(fit, "steps_per_call", lambda vae, batches, held: 6)
    for other in (two, train(tmp_path / "untimed", *LONG)):
        assert_same(other, one)


@pytest.mark.slow
def test_a_training_on_jax_imports_no_tensorflow(tmp_path):
    pytest.importorskip("jax")
    program = "import sys; from vaelab.cli import main; assert main() == 0 and 'tensorflow' not in sys.modules"
    words = ["train", "backend=jax", "model=dense", "trainer=quick", "tracking=none", f"output_dir={tmp_path}"]
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "jax", reason="they ran here")
def test_the_same_holds_on_jax_where_the_suite_runs_on_another():
    pytest.importorskip("jax")
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    words = ["-m", "pytest", "-q", "-k", "bytes and avb or trace", __file__]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout[-4000:] + done.stderr[-4000:]
