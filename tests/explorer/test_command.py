"""`vaelab explore` on a run of the command line, and what it says to wrong input."""

import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from fake_run import opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def broken(digits_run, tmp_path_factory):
    """A copy of the run that a test may damage."""
    folder = tmp_path_factory.mktemp("broken") / "run"
    shutil.copytree(digits_run[1], folder)
    return folder


def test_writes_one_file_that_equals_keras(digits_run, command, page, tmp_path):
    cwd, folder = digits_run
    done = command("explore", f"run={folder}", f"explore.file={tmp_path}/out.html", cwd=cwd)
    assert "opens without network" in done.stdout
    opened(page, (tmp_path / "out.html").as_uri())
    assert float(page.get_attribute("body", "data-difference")) < 1e-5
    import keras

    decoder = keras.models.load_model(folder / "decoder.h5", compile=False)
    z = np.random.default_rng(0).normal(size=(3, decoder.input_shape[-1])).astype(np.float32)
    got = page.evaluate("async z => Array.from(await vaelab.decode(z))", z.ravel().tolist())
    assert np.abs(np.reshape(got, (3, -1)) - np.asarray(decoder(z)).reshape(3, -1)).max() < 1e-5


def test_serves_until_interrupted(digits_run, page):
    cwd, folder = digits_run
    words = [sys.executable, "-m", "vaelab", "explore", f"run={folder}", "open=false", "port=0"]
    with subprocess.Popen(words, cwd=cwd, stdout=subprocess.PIPE, text=True) as server:
        address = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline()).group(0)
        opened(page, address, offline=False)
        assert page.problems == []
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


@pytest.mark.parametrize(
    "words,told",
    [
        (["explore.file=."], "ends in .html"),
        (["port=70000"], "0 to 65535"),
        (["host=192.0.2.7"], "no address of this machine"),
        (["explorer.pointss=3"], "Did you mean 'explorer.points'"),
        (["explorer.points=0"], "explorer.points: expected an integer greater than 0"),
        (["explorer.projections=[isomap]"], "explorer.projections"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(digits_run, command, words, told):
    cwd, folder = digits_run
    done = command("explore", f"run={folder}", *words, cwd=cwd, check=False, timeout=120)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_a_damaged_decoder_and_none_at_all(broken, command):
    (broken / "decoder.h5").write_bytes((broken / "decoder.h5").read_bytes()[:3000])
    done = command("explore", f"run={broken}", "explore.file=page.html", check=False)
    assert done.returncode == 2 and "decoder.h5 cannot be read" in done.stderr and "Traceback" not in done.stderr
    (broken / "decoder.h5").unlink()
    done = command("explore", f"run={broken}", "port=0", check=False, timeout=120)
    assert done.returncode == 2 and "has no decoder.h5" in done.stderr
