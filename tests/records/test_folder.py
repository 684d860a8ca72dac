"""Files of a folder are whole or not there, and what several processes add to one record is all kept."""

import errno
import os
import stat
import subprocess
import sys
import time

import pytest
from support import ROOT

from vaelab.errors import RunError
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.system import files as module
from vaelab.system.files import atomic_file, write, write_bytes

ADDS = """
import sys
from vaelab.records.run_folder import RunFolder
folder = RunFolder(sys.argv[1])
for n in range(200):
    folder.add_metrics({f"{sys.argv[2]}/{n}": {"value": n}})
    if n % 20 == 0:
        folder.update_status(**{f"{sys.argv[2]}_{n}": n})
"""


def test_three_processes_add_600_metrics_beside_the_process_that_trains(tmp_path):
    folder = RunFolder(tmp_path)
    with folder.locked():
        words = [sys.executable, "-c", ADDS, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        processes = [subprocess.Popen([*words, name], env=environment) for name in "abc"]
        folder.update_status(state="running")
        assert [p.wait(120) for p in processes] == [0, 0, 0]
    assert len(folder.read_metrics()) == 600
    assert len(folder.recorded_status()) == 31


def test_a_sweeps_record_keeps_what_others_add(tmp_path):
    one, two = SweepFolder(tmp_path), SweepFolder(tmp_path)
    one.update_record(jobs={"a": {}})
    two.update_record(mlflow={"run_id": "x"})
    assert one.record() == {"jobs": {"a": {}}, "mlflow": {"run_id": "x"}}


def test_a_record_that_another_process_does_not_give_back_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("vaelab.records.folder.PATIENCE", 0.1)
    folder = RunFolder(tmp_path)
    with folder.updating(), pytest.raises(RunError, match="written to by another process"):
        RunFolder(tmp_path).update_status(state="done")


HOLDS = """
import sys, time
from vaelab.records.run_folder import RunFolder
with RunFolder(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_who_works_on_it_is_told_until_that_process_is_killed(tmp_path):
    folder = RunFolder(tmp_path)
    words = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        assert folder.holder().startswith(f"process {other.pid} on ")
        with pytest.raises(RunError, match=f"being trained by process {other.pid} on "), folder.locked():
            pass
        other.kill()
    assert folder.holder() is None
    with folder.locked():
        assert folder.holder().startswith(f"process {os.getpid()} on ")
    assert folder.holder() is None and {p.name for p in tmp_path.iterdir()} == {".lock"}


def test_a_lock_is_for_one_thread_and_no_child_keeps_it(tmp_path):
    import multiprocessing
    import threading

    folder, refused = RunFolder(tmp_path), []

    def take():
        with pytest.raises(RunError, match="being trained"), RunFolder(tmp_path).locked():
            pass
        refused.append(True)

    with folder.locked():
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    assert refused and folder.holder() is None, "a forked child that still runs does not hold it"
    child.kill()
    child.join()


def test_the_lock_of_an_earlier_version(tmp_path):
    """It wrote who holds it into .lock, which it locked by flock."""
    import fcntl

    folder = RunFolder(tmp_path)
    (tmp_path / ".lock").write_text("process 1 on elsewhere since 2025-01-01 00:00:00")
    assert folder.holder() is None
    with folder.locked():
        pass
    with open(tmp_path / ".lock", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert folder.holder() == "process 1 on elsewhere since 2025-01-01 00:00:00"
        with pytest.raises(RunError, match="process 1 on elsewhere"), folder.locked():
            pass
    assert folder.holder() is None


# -- a full disk -------------------------------------------------------------------------------------------------------


def writers(folder: RunFolder):
    """{what: function that writes it}"""
    return {
        "status.json": lambda: folder.update_status(state="done", more="x" * 100),
        "metrics.json": lambda: folder.add_metrics({"test/elbo": {"value": 2.0}}),
        "config.yaml": lambda: folder.write_config({"model": 2}),
        "history.csv": lambda: folder.write_history([{"epoch": 1, "train/loss": 2.0}]),
        "verdict.json": lambda: folder.write_verdicts([{"name": "a", "measured": 1, "passed": True}]),
        "environment.txt": lambda: folder.write_environment("2"),
        "explorer.html": lambda: write_bytes(folder.explorer_file, b"2"),
    }


@pytest.mark.parametrize("name", writers(None))
def test_a_file_that_cannot_be_written_stays_what_it_was(name, tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    writer = writers(folder)[name]
    writer()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        writer()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 256 KiB."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip() or 'mount failed'}")
    yield path
    subprocess.run(["umount", path], check=True)


def dense(units):
    import keras

    z = keras.Input((8,))
    return keras.Model(z, keras.layers.Dense(units, name="dense")(z))


def test_models_on_a_full_disk(small_disk):
    """HDF5 itself would end the process."""
    folder = RunFolder(small_disk)
    folder.save_models({"decoder": dense(64)}, {})
    before = folder.model_file("decoder").read_bytes()
    with pytest.raises(OSError) as error:
        folder.save_models({"decoder": dense(20_000)}, {})
    assert error.value.errno == errno.ENOSPC
    assert folder.model_file("decoder").read_bytes() == before
    assert [p.name for p in small_disk.iterdir()] == ["decoder.h5"]


def test_arrays_on_a_full_disk(small_disk):
    import numpy as np

    folder = RunFolder(small_disk)
    big = {"x": np.random.default_rng(0).random(100_000)}
    for save in (folder.save_codes, folder.save_tiles, lambda a: folder.save_frame(1, a)):
        with pytest.raises(OSError, match="No space"):
            save(big)
    assert [p for p in small_disk.rglob("*") if p.is_file()] == []


LIMITED = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from records.test_folder import RunFolder, dense
small, large = dense(64), dense(20_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
folder = RunFolder(sys.argv[1])
folder.save_models({"encoder": small}, {})
try:
    folder.save_models({"decoder": large}, {})
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.slow
def test_models_larger_than_a_file_may_be(tmp_path):
    (tmp_path / "run").mkdir()
    words = [sys.executable, "-c", LIMITED, *map(str, (tmp_path / "run", ROOT / "tests", ROOT / "tests/records", ROOT))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "File too large\n", done.stderr
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["encoder.h5"]


def test_a_model_in_memory_has_the_bytes_that_keras_writes(tmp_path):
    import keras

    from vaelab.records.run_folder import h5_bytes

    model = dense(5)
    model.save(tmp_path / "keras.h5")
    assert h5_bytes(model) == (tmp_path / "keras.h5").read_bytes()
    RunFolder(tmp_path).save_models({"decoder": model}, {})
    again = keras.models.load_model(tmp_path / "decoder.h5", compile=False)
    assert [a.tobytes() for a in again.get_weights()] == [a.tobytes() for a in model.get_weights()]


# -- names -------------------------------------------------------------------------------------------------------------


def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for where in (".", "frames", "figures", "figures/epochs"):
        (tmp_path / where).mkdir(exist_ok=True)
        (tmp_path / where / f".{ended.pid}-a.png").touch()
    running = tmp_path / f".{os.getppid()}-metrics.json"
    running.touch()
    with RunFolder(tmp_path).locked():
        assert [p.name for p in tmp_path.rglob(".[0-9]*")] == [running.name]


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path):
    (tmp_path / "there").mkdir()
    target, link, pipe = tmp_path / "there" / "a.txt", tmp_path / "b.txt", tmp_path / "pipe"
    target.write_text("before")
    link.symlink_to(target)
    write(link, "after")
    assert link.is_symlink() and target.read_text() == "after"
    os.mkfifo(pipe)
    with atomic_file(pipe) as path:
        assert path == pipe
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_takes_the_place_of_another(tmp_path):
    for content in ("one", "two"):
        with atomic_file(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / "weights").write_text(content)
    assert (tmp_path / "model" / "weights").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_an_empty_folder_is_discarded_unless_another_process_has_just_begun_in_it(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        RunFolder(folder.path).discard_if_empty(tmp_path)
        assert folder.path.is_dir()
    folder.discard_if_empty(tmp_path)
    assert not folder.path.exists()
