"""What tests share besides fixtures: the checkout, the backend, and `vaelab` in a process of its own."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vaelab.compute.backend import xla_flags
from vaelab.config import compose

ROOT = Path(__file__).resolve().parent.parent
BACKEND = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
if BACKEND == "jax":
    os.environ["XLA_FLAGS"] = xla_flags(2, os.environ.get("XLA_FLAGS", ""))
# overrides of a run that leaves nothing but weights and numbers
BARE = ["plot=[]", "explorer=none", "tracking=none"]


def jobs_of(overrides) -> list[list[str]]:
    """The words of every job of a sweep."""
    with compose._hydra():
        settings = compose._settings_of_jobs(compose._partitioned(overrides)[1])
        return [list(job) for job in itertools.product(*map(compose._words_of, settings))]


def rest_slow(cases, quick):
    """Parameters of which make test takes those in `quick` (a number: as many of the first), make test-all the rest."""
    chosen = list(cases)[:quick] if isinstance(quick, int) else quick
    return [case if case in chosen else pytest.param(case, marks=pytest.mark.slow) for case in cases]


def weights(run) -> dict:
    """{file/variable: array} of a run's newest checkpoint, the optimizer's state and the best weights among them."""
    newest = sorted(Path(run).glob("checkpoint/epoch-*"))[-1]
    return {f"{file.stem}/{name}": array for file in newest.glob("*.npz") for name, array in np.load(file).items()}


def same_weights(run, other) -> bool:
    """Whether two runs have checkpoints of the same bytes."""
    one, two = weights(run), weights(other)
    return bool(one) and one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def vaelab(*words, cwd=None, check=True, env=None, timeout=600):
    """Runs `vaelab ...` in a process of its own, which must not end with a complaint of TensorFlow's; returns it."""
    done = subprocess.run(
        [sys.executable, "-m", "vaelab", *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )  # fmt: skip
    if check:
        assert done.returncode == 0, f"vaelab {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
        assert "GeneratorDataset" not in done.stderr, f"vaelab {' '.join(map(str, words))}\n{done.stderr}"
    return done
