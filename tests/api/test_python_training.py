"""`vaelab.train` and what it returns: the command's files, numbers and sentences."""

import json
import signal
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support import BACKEND, BARE, ROOT

import vaelab
from vaelab.errors import ConfigError, Interrupted, RunError

WORDS = ["model=dense", "trainer=quick", f"backend={BACKEND}", *BARE]
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that the API trained in this process."""
    folder = tmp_path_factory.mktemp("api")
    return vaelab.train(*WORDS, output_dir=folder / "outputs", seed=1)


def weights(folder: Path) -> list[bytes]:
    from vaelab.training.checkpoint import CheckpointFolder

    return [array.tobytes() for array in CheckpointFolder(Path(folder) / "checkpoint").load().model.values()]


def test_importing_it_is_light():
    code = """
import time, sys
began = time.process_time()
import vaelab
seconds = time.process_time() - began
heavy = {"keras", "tensorflow", "mlflow", "pandas", "hydra", "numpy", "omegaconf", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
assert seconds < 0.1, seconds
vaelab.train, vaelab.sweep, vaelab.errors.ConfigError
heavy = {"keras", "tensorflow", "mlflow", "pandas", "hydra", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})


def test_everything_public_is_documented():
    for name in set(vaelab.__all__) - {"__version__", "errors"}:
        text = getattr(vaelab, name).__doc__
        assert len(text) > 200, name
    assert "Examples:" in vaelab.train.__doc__ and "Raises:" in vaelab.train.__doc__
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        vaelab.trian  # noqa: B018


def test_the_same_weights_as_the_command(trained, command, tmp_path):
    command("train", *WORDS, "seed=1", f"trainer.threads={trained.config['trainer']['threads']}", "output_dir=cli")
    (other,) = (tmp_path / "cli").glob("*/*")
    assert weights(trained.folder.path) == weights(other)
    for name in ("encoder.h5", "decoder.h5", "vae.h5", "codes.npz"):
        assert (trained.folder.path / name).read_bytes() == (other / name).read_bytes(), name
    ours, theirs = ({p.name for p in folder.iterdir()} for folder in (trained.folder.path, other))
    assert ours == theirs
    hydra = [{p.name for p in (folder / ".hydra").iterdir()} for folder in (trained.folder.path, other)]
    assert hydra[0] == hydra[1]
    first, second = (json.loads((f / "status.json").read_text()) for f in (trained.folder.path, other))
    assert first["chosen"] == second["chosen"] and first.keys() == second.keys()


@pytest.mark.slow
def test_again_in_the_same_process_and_after_an_error(trained, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'digits'"):
        vaelab.train("dataset=digit", output_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"bta is not a setting\. Did you mean 'beta'"):
        vaelab.train(bta=4, output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
    again = vaelab.train(*WORDS, output_dir=tmp_path, seed=1)
    assert weights(again.folder.path) == weights(trained.folder.path)


def test_numbers_are_frames(trained):
    assert list(trained.metrics.columns[:6]) == ["value", "se", "n", "split", "data", "note"]
    row = trained.metrics.loc["test/elbo"]
    assert trained.elbo == row.value == trained.metrics["test/elbo"]["value"] and row.se > 0 and row.n == 360
    assert row.value == pytest.approx(
        -(trained.metrics.loc["test/rate"].value + trained.metrics.loc["test/distortion"].value)
    )
    assert trained.history.index.tolist() == [1, 2] and {"train/loss", "val/elbo"} <= set(trained.history.columns)


def test_the_model_as_functions(trained):
    x = trained.view.split("test").x[0][:5]
    mean, std = trained.encode(x)
    np.testing.assert_allclose(mean, trained.view.split("test").mean[:5], atol=1e-6)
    np.testing.assert_allclose(trained.reconstruct(x), trained.decode(mean), atol=1e-6)
    np.testing.assert_allclose(trained.encode(x[0])[0], mean[:1], atol=1e-6)
    scaled = np.asarray(x, np.float64) / (255 if x.dtype == np.uint8 else 1)
    np.testing.assert_allclose(trained.encode(scaled)[0], mean, atol=1e-5)
    assert (std > 0).all() and trained.sample(7).shape == (7, 8, 8, 1)
    np.testing.assert_array_equal(trained.sample(2, seed=3), trained.sample(2, seed=3))
    with pytest.raises(ConfigError, match=r"expected images \(N, 8, 8, 1\), got \(5, 64\)"):
        trained.encode(x.reshape(5, 64))
    with pytest.raises(ConfigError, match=r"floats in \[0, 1\]"):
        trained.encode(np.full((1, 8, 8, 1), 16.0))
    with pytest.raises(ConfigError, match=r"expected codes \(N, 2\), got \(3,\)"):
        trained.decode([0.0, 0.0, 0.0])


def test_evaluate_and_plot(trained):
    found = trained.evaluate("nll", samples=10)
    assert "test/nll_is10" in found.index and "test/nll_is10" in trained.metrics.index
    assert found.loc["test/nll_is10"].value <= -trained.elbo + 1
    picture = trained.plot("traversal")
    assert type(picture).__name__ == "Figure" and picture._repr_png_()[:4] == b"\x89PNG"
    assert not (trained.folder.path / "figures").exists()
    trained.plot("traversal", save=True)
    assert (trained.folder.path / "figures" / "traversal.png").is_file()
    for call in (lambda: trained.evaluate("nl"), lambda: trained.plot("traversl"), lambda: trained.evaluate(n=3)):
        with pytest.raises(ConfigError):
            call()
    with pytest.raises(ConfigError, match=r"metrics\.nll\.smples is not a setting.*metrics\.nll\.samples"):
        trained.evaluate("nll", smples=3)


class Balanced(HTMLParser):
    """Counts what is open; knows every tag and text."""

    EMPTY = ("img", "br", "meta")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_card_is_html_and_escapes_names(trained, tmp_path):
    import shutil

    copy = shutil.copytree(trained.folder.path, tmp_path / "copy")
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps({**status, "run_name": HOSTILE, "message": HOSTILE}))
    (copy / "figures").mkdir(exist_ok=True)
    figure = trained.plot("traversal")
    figure.savefig(copy / "figures" / "samples.png")
    (copy / "figures" / "reconstructions.png").write_bytes(b"no picture")
    run = vaelab.load(copy)
    page = Balanced(run._repr_html_())
    assert "script" not in {tag for tag, _ in page.tags} and any(HOSTILE in text for text in page.texts)
    (image,) = (attributes for tag, attributes in page.tags if tag == "img")
    assert image["src"].startswith("data:image/png;base64,") and "test/elbo" in page.texts
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


@pytest.mark.slow
def test_the_explorer_is_a_frame(trained):
    page = trained.explore(height=500)
    frame = Balanced(page._repr_html_())
    ((tag, attributes),) = frame.tags
    assert tag == "iframe" and attributes["srcdoc"] == page.file.read_text() and "500px" in attributes["style"]
    page.embed = False
    assert Balanced(page._repr_html_()).tags[0][1]["src"].endswith("explorer.html")


@pytest.mark.slow
def test_longer_training_reaches_the_weights_of_a_long_one(tmp_path):
    short = vaelab.train(*WORDS, output_dir=tmp_path, trainer={"epochs": 1})
    assert short.resume(epochs=2) is short and len(short.history) == 2
    whole = vaelab.train(*WORDS, output_dir=tmp_path, trainer={"epochs": 2})
    assert weights(short.folder.path) == weights(whole.folder.path)
    assert short.encode(np.zeros((1, 8, 8, 1)))[0] == pytest.approx(whole.encode(np.zeros((1, 8, 8, 1)))[0])
    with pytest.raises(ConfigError, match="only ever made longer"):
        short.resume(epochs=1)
    found = vaelab.compare(short, whole.folder.path)
    assert found.note is None and (found.paired["mean"] == 0).all()
    table = vaelab.runs(tmp_path, state="done")
    assert len(table) == 2 and (table["test/elbo"] == short.elbo).all()
    assert vaelab.runs(tmp_path, columns=["run", "trainer.epochs"])["trainer.epochs"].tolist() == [2, 2]
    with pytest.raises(ConfigError, match="is no filter"):
        vaelab.runs(tmp_path, colour="red")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="others change their threads at any time")
def test_a_process_keeps_its_threads(trained, tmp_path):
    other = trained.config["trainer"]["threads"] + 1
    with pytest.raises(ConfigError, match=r"this process already computes with trainer\.threads=.*restart the kernel"):
        vaelab.train(*WORDS, output_dir=tmp_path, trainer={"threads": other})
    another = "jax" if BACKEND != "jax" else "tensorflow"
    with pytest.raises(ConfigError, match="this process already runs Keras"):
        vaelab.train(*WORDS, output_dir=tmp_path, backend=another)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_stop_button_saves_and_says_how_to_go_on(trained, tmp_path):
    def stop():
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(tmp_path.glob("*/*/checkpoint/*")):
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        with pytest.raises(Interrupted, match=r"finished epochs are saved.*vaelab\.load\('.*'\)\.resume\(\)"):
            vaelab.train(*WORDS, output_dir=tmp_path, trainer={"epochs": 5000})
    finally:
        thread.join()
    (run,) = (vaelab.load(path) for path in tmp_path.glob("*/*"))
    assert run.state == "interrupted" and len(run.history) >= 1


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(RunError, match="There is no run 'nothing'"):
        vaelab.load("nothing", output_dir=tmp_path)
    with pytest.raises(ConfigError, match="at least two"):
        vaelab.compare("a")
    with pytest.raises(RunError, match="There is no sweep"):
        vaelab.Sweep("nothing", output_dir=tmp_path)


def test_a_notebook_shows_the_sentence_alone():
    assert ConfigError("beta: no.")._render_traceback_() == ["ConfigError: beta: no."]
