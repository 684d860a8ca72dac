"""Fixtures shared by all tests. `make test BACKEND=jax` runs them on another backend."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from servers import postgres_server
from support import BACKEND, ROOT, vaelab

from vaelab.system import printing


def pytest_configure():
    """What vaelab says is shown in every test, as the command line shows it.

    Hydra's logging set-up closes every handler, and absl's (TensorFlow's) with it the stream of its import.
    """
    printing.install()
    settings.register_profile("vaelab", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
    settings.load_profile("vaelab")
    import absl.logging

    absl.logging.get_absl_handler().python_handler.close = lambda: None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """`@pytest.mark.quick(n)`: of a test's cases make test takes n, spread over them, and test-all the others."""
    tests = {}
    for item in items:
        if item.get_closest_marker("quick") and not item.get_closest_marker("slow"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in tests.values():
        (n,) = cases[0].get_closest_marker("quick").args
        chosen = {k * len(cases) // n for k in range(n)}
        for case in (c for k, c in enumerate(cases) if k not in chosen):
            case.add_marker("slow")


def pytest_runtest_setup():
    """TensorFlow keeps the threads of a process's first operation: whichever test has it, later ones may train."""
    if "tensorflow" in sys.modules:
        threading = sys.modules["tensorflow"].config.threading
        with suppress(RuntimeError):  # it has computed already
            threading.set_inter_op_parallelism_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> str:
    """Folder with real datasets: $VAELAB_DATA, else ../shared/data beside the checkout; skips where it is absent."""
    folder = Path(os.environ.get("VAELAB_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no real data in {folder}: set VAELAB_DATA")
    return str(folder)


@pytest.fixture
def postgres():
    """URI of an empty PostgreSQL database, started for this test."""
    with postgres_server() as uri:
        yield uri


@pytest.fixture
def command(tmp_path):
    """`vaelab` in an empty folder of this test's own."""
    return lambda *words, **more: vaelab(*words, **{"cwd": tmp_path, **more})


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """(folder of outputs' parent, run folder) of a finished two-epoch run on the digits, with pictures and MLflow.

    All tests of a session share it, those of other workers too: what writes into it or trains there takes `own_run`.
    """
    base = tmp_path_factory.getbasetemp()
    cwd = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "digits_run"
    with FileLock(f"{cwd}.lock"):
        if not cwd.exists():
            cwd.mkdir()
            vaelab("train", "model=dense", "trainer=quick", f"backend={BACKEND}", "run_name=first", "plots.tsne.n=300",
                   "explorer.tsne_points=300", cwd=cwd)  # fmt: skip
    (status,) = (cwd / "outputs").glob("*/*/status.json")
    return cwd, status.parent


@pytest.fixture
def own_run(digits_run, tmp_path_factory):
    """`digits_run` as a copy of this test's own."""
    cwd, run = digits_run
    own = shutil.copytree(cwd, tmp_path_factory.mktemp("own_run") / "work")
    return own, own / run.relative_to(cwd)
