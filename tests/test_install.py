"""The wheel is complete: it runs in an empty folder, outside the checkout."""

import os
import subprocess
import sys
import zipfile

import pytest
from support import BARE, ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder into which the built wheel was unpacked."""
    base = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", base, ROOT]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = base.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(base / "site")
    assert "vaelab/conf/train.yaml" in names and "hydra_plugins/vaelab_config/search_path.py" in names
    assert "vaelab/report/page.html.j2" in names
    assert not any(n.startswith(("tests/", "outputs/", "conf/")) for n in names)
    return base / "site"


def run(installed, words, cwd):
    code = f"import sys; from vaelab.cli import main; sys.exit(main({words!r}))"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=environment)


def test_configuration_is_the_wheels_own(installed, tmp_path):
    code = "from vaelab.config.locate import conf_dir; print(conf_dir())"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout.strip() == str(installed / "vaelab/conf")


@pytest.mark.slow
def test_it_trains_in_an_empty_folder(installed, tmp_path):
    words = ["train", "model=dense", "trainer=quick", "trainer.epochs=1", *BARE]
    done = run(installed, words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("outputs/*/*/vae.h5"))) == 1


def test_users_options_win_in_the_wheel_too(installed, tmp_path):
    (tmp_path / "mine/model").mkdir(parents=True)
    (tmp_path / "mine/model/dense.yaml").write_text(
        "_target_: vaelab.models.dense.Dense\nhidden_dims: [7]\nactivation: tanh\n"
    )
    done = run(installed, ["train", "--config-dir", "mine", "model=dense", "--cfg", "job"], tmp_path)
    assert "- 7" in done.stdout, done.stderr
