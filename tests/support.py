"""What tests share besides fixtures: the checkout, the backend, and `vaelab` in a process of its own."""

import functools
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import forking
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


def vaelab(*words, cwd=None, check=True, env=None, timeout=600, fresh=False):
    """Runs `vaelab ...` in a process of its own, which must not end with a complaint of TensorFlow's; returns it."""
    process = started(*words, cwd=cwd, env=env, fresh=fresh)
    try:
        out, errors = process.communicate(timeout=timeout)
    except BaseException:
        process.kill()
        raise
    if check:
        assert process.returncode == 0, f"vaelab {' '.join(map(str, words))}\n{out}\n{errors}"
        assert "GeneratorDataset" not in errors, f"vaelab {' '.join(map(str, words))}\n{errors}"
    return subprocess.CompletedProcess(words, process.returncode, out, errors)


def started(*words, cwd=None, env=None, fresh=False, new_session=False):
    """`vaelab ...` in a process of its own, in the background: what has `pid`, `poll`, `wait`, `communicate`, `kill`.

    Args:
        env: variables beside those of this process.
        fresh: start Python anew; else the process is forked from one that has the imports done (`forking`).
        new_session: whether it leads a session, so that `os.killpg` reaches it and what it starts.
    """
    words = [str(word) for word in words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    if not fresh and sys.platform == "linux":
        host = _host(_backend(words, Path(cwd or Path.cwd())))
        if host.serves(environment):
            return host.fork(words, cwd, environment, new_session)
    return forking.Fresh(words, cwd, environment, new_session)


def _backend(words: list[str], cwd: Path) -> str:
    """What a command will run on: what is typed, else what its recipe or its run says, else the default."""
    typed = dict(word.partition("=")[::2] for word in words)
    if "backend" in typed:
        return typed["backend"]
    if (ROOT / f"conf/experiment/{typed.get('experiment')}.yaml").is_file():
        return _backend_of_recipe(typed["experiment"])
    told = [cwd / typed.get("run", "none") / "config.yaml"]
    if typed.get("run") == "latest":
        told = sorted(cwd.glob("outputs/*/*/config.yaml"), key=lambda file: file.stat().st_mtime)[-1:]
    for file in filter(Path.is_file, told):
        if found := re.search(r"^backend: (\w+)", file.read_text(encoding="utf-8"), flags=re.M):
            return found[1]
    return "tensorflow" if words[:1] == ["train"] else BACKEND


@functools.cache
def _backend_of_recipe(name: str) -> str:
    return compose.compose("train", [f"experiment={name}"]).backend


@functools.cache
def _host(backend: str) -> forking.Host:
    return forking.Host(backend, {**os.environ, "PYTHONPATH": str(ROOT)})
