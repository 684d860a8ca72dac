"""Commands on a finished run, with one mistake each."""

import csv
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support import BACKEND, ROOT

from vaelab import cli
from vaelab.config.commands import JSON


@pytest.fixture
def at_run(own_run, monkeypatch):
    """In-process `vaelab ...` in the folder of a finished run, with the run."""
    cwd, run = own_run
    monkeypatch.chdir(cwd)
    return cli.main, run


def test_evaluate_writes_back(at_run, capsys):
    main, run = at_run
    before = json.loads((run / "metrics.json").read_text())
    assert main(["evaluate", "run=latest", "metric=[knn_accuracy]"]) == 0
    after = json.loads((run / "metrics.json").read_text())
    assert set(before) < set(after) and "test/knn_accuracy" in after
    assert "test/knn_accuracy" in capsys.readouterr().out


def test_evaluate_repeats_the_numbers_of_training(at_run):
    main, run = at_run
    before = json.loads((run / "metrics.json").read_text())["test/elbo"]["value"]
    assert main(["evaluate", "run=first", "metric=[elbo]"]) == 0
    assert json.loads((run / "metrics.json").read_text())["test/elbo"]["value"] == pytest.approx(before, rel=1e-6)


def test_evaluate_tells_its_numbers_also_where_they_cannot_be_saved(at_run, capsys, monkeypatch):
    main, run = at_run
    before = (run / "metrics.json").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vaelab.system.files.os.fsync", full)
    assert main(["evaluate", "run=latest", "metric=[knn_accuracy]"]) == 1
    shown = capsys.readouterr()
    assert "test/knn_accuracy" in shown.out
    assert "these numbers were not saved in the run: [Errno 28] No space left on device" in shown.err
    assert (run / "metrics.json").read_bytes() == before


def test_plot_in_several_formats_for_a_slide(at_run, capsys):
    main, run = at_run
    words = ["plots.format=[svg,pdf,png]", "plots.width=slide", "plots.dpi=80"]
    assert main(["plot", f"run={run}", "plot=[schedule]", *words]) == 0
    files = [run / f"figures/schedule.{form}" for form in ("svg", "pdf", "png")]
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    assert files[0].read_text().lstrip().startswith("<?xml") and files[1].read_bytes().startswith(b"%PDF")
    assert Image.open(files[2]).width == 7.5 * 80


def test_generate_decodes_typed_coordinates(at_run, capsys, tmp_path):
    main, run = at_run
    assert main(["generate", "run=latest", "z=[0.5,-1.2]", f"output={tmp_path}/one.png", "scale=1"]) == 0
    import keras

    mean = keras.models.load_model(run / "decoder.h5").predict(np.array([[0.5, -1.2]], np.float32), verbose=0)
    picture = np.asarray(Image.open(tmp_path / "one.png"))[..., 0]
    np.testing.assert_array_equal(picture, (mean[0, ..., 0] * 255).round().astype(np.uint8))
    assert main(["generate", "run=latest", "n=4", f"output={tmp_path}/four.png"]) == 0


@pytest.mark.parametrize(
    "words,sentence",
    [
        (["generate", "run=latest", "z=[1,2,3]"], "z: expected 2 coordinates (the run's latent_dim), got 3"),
        (["generate", "run=latest"], "expected z=[...]"),
        (["generate", "run=latest", "z=[a,1]"], "expected finite numbers"),
        (["evaluate", "run=nosuch"], "There is no run 'nosuch'"),
        (["evaluate"], "run: expected a run folder"),
        (["evaluate", "run=latest", "metric=[ebo]"], "Did you mean 'elbo'?"),
        (["plot", "run=latest", "plot=[tsn]"], "Did you mean 'tsne'?"),
        (["plot", "run=latest", "plots.format=gif"], "plots.format: expected one of png, pdf, svg or a list"),
        (["plot", "run=latest", "format=svg"], "Did you mean 'plots.format'?"),
        (["runs", "sort=elbow"], "sort: no run has"),
        (["runs", "columns=[run,test/rat]"], "no run has 'test/rat'. Did you mean 'test/rate'?"),
        (["resume", "run=latest", "trainer.epoch=3"], "Did you mean 'trainer.epochs'?"),
        (["ui", "-m"], "has no option -m"),
    ],
)
def test_mistakes_end_in_a_sentence(at_run, capsys, words, sentence):
    main, _ = at_run
    assert main(words) == 2
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told


def test_evaluate_as_a_json_document(at_run, capsys):
    main, run = at_run
    assert main(["evaluate", "run=latest", "metric=[active_units]", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(JSON["evaluate"]) and run.name in found["run"]
    assert found["scores"] == {"test/active_units": json.loads((run / "metrics.json").read_text())["test/active_units"]}


def test_runs_lists_and_filters(at_run, capsys):
    main, _ = at_run
    assert main(["runs"]) == 0
    table = capsys.readouterr().out
    assert "dense" in table and "done" in table and "first" not in table.splitlines()[0]
    assert main(["runs", "dataset=mnist"]) == 0
    assert "No runs" in capsys.readouterr().out
    assert main(["runs", "dataset=digits", "beta=1", "state=done"]) == 0
    assert "dense" in capsys.readouterr().out


def test_runs_writes_the_columns_asked_for(at_run, capsys, tmp_path):
    main, run = at_run
    wanted = ["run", "trainer.epochs", "parameters", "test/rate", "test/rate.se", "beta"]
    assert main(["runs", f"columns=[{','.join(wanted)}]", f"csv={tmp_path}/results.csv"]) == 0
    with open(tmp_path / "results.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == wanted and row["trainer.epochs"] == "2" and int(row["parameters"]) > 10_000
    rate = json.loads((run / "metrics.json").read_text())["test/rate"]
    assert float(row["test/rate"]) == pytest.approx(rate["value"], rel=1e-5)
    assert float(row["test/rate.se"]) == pytest.approx(rate["se"], rel=1e-5)


def test_resume_of_a_finished_run_says_so(at_run, capsys):
    main, _ = at_run
    assert main(["resume", "run=latest"]) == 0
    assert "is finished" in capsys.readouterr().out


def test_ui_names_a_port_in_use(at_run, capsys):
    main, _ = at_run
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["ui", f"port={taken.getsockname()[1]}"]) == 2
    assert "is in use" in capsys.readouterr().err


def test_damaged_runs_are_named(at_run, capsys, tmp_path):
    main, run = at_run

    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "config.yaml").write_text("model: [")
    assert main(["evaluate", f"run={broken}"]) == 2
    assert "config.yaml cannot be read" in capsys.readouterr().err
    shutil.copy(run / "config.yaml", broken / "config.yaml")
    next(broken.glob("checkpoint/*/model.npz")).write_bytes(b"no zip")
    assert main(["evaluate", f"run={broken}"]) == 2
    assert "is damaged" in capsys.readouterr().err
    (broken / "decoder.h5").unlink()
    assert main(["generate", f"run={broken}", "n=1"]) == 2
    assert "has no decoder.h5" in capsys.readouterr().err


def test_a_run_folder_never_executes_foreign_code(at_run, capsys, tmp_path):
    main, run = at_run

    hostile = tmp_path / "hostile"
    shutil.copytree(run, hostile)
    text = (hostile / "config.yaml").read_text().replace("vaelab.models.dense.Dense", "os.system")
    (hostile / "config.yaml").write_text(text)
    assert main(["evaluate", f"run={hostile}"]) == 2
    assert "os.system, which is none of vaelab's parts" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_saves_and_prints_the_line_that_resumes(tmp_path):
    words = ["train", "model=dense", "trainer.epochs=500", "plot=[]", "metric=[]", f"backend={BACKEND}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vaelab", *words], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    for line in process.stdout:
        if line.lstrip().startswith("3/"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    (status,) = tmp_path.glob("outputs/*/*/status.json")
    content = json.loads(status.read_text())
    assert content["state"] == "interrupted"
    assert f"vaelab resume run={status.parent.relative_to(tmp_path)}" in errors
    assert list(status.parent.glob("checkpoint/epoch-*/model.npz"))
    assert "dataset_op" not in errors  # TensorFlow's complaint about an iterator that outlives Python


@pytest.mark.parametrize(
    "ending", [signal.SIGTERM, *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGHUP, signal.SIGINT))]
)
def test_ui_serves_the_store_and_ends_with_all_it_started(own_run, ending):
    import psutil

    cwd, _ = own_run
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "vaelab", "ui", f"port={port}"], cwd=cwd, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        preexec_fn=lambda: signal.signal(ending, signal.SIG_DFL),  # a job in the background ignores some
    )  # fmt: skip
    try:
        import urllib.request

        address = next(line for line in process.stdout if line.startswith("MLflow: ")).split()[1]
        assert urllib.request.urlopen(address, timeout=60).status == 200  # told when it answers, not before
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(ending)  # to this one process alone
        assert process.wait(30) == 0
        assert started and not any(p.is_running() for p in started)
    finally:
        process.kill()
        process.wait(30)
