"""What `support.vaelab` forks is a process like one that is started anew."""

import signal
import time

import psutil
import pytest
from support import BACKEND, BARE, same_weights, started, vaelab

WORDS = ["train", "model=dense", "trainer=quick", "metric=[elbo]", f"backend={BACKEND}", *BARE, "hydra.run.dir=run"]


@pytest.mark.slow
def test_it_says_exits_and_trains_as_a_fresh_one(tmp_path):
    said = {}
    for kind in ("fresh", "forked"):
        (tmp_path / kind).mkdir()
        trained = vaelab(*WORDS, cwd=tmp_path / kind, fresh=kind == "fresh")
        wrong = vaelab("train", "modle=dense", cwd=tmp_path / kind, check=False, fresh=kind == "fresh")
        said[kind] = trained.stderr, wrong.returncode, wrong.stdout, wrong.stderr
    assert said["fresh"] == said["forked"] and said["fresh"][1] == 2
    assert same_weights(tmp_path / "fresh" / "run", tmp_path / "forked" / "run")


@pytest.mark.slow
def test_it_is_killed_alone(tmp_path):
    one, other = (started("ui", "--help", cwd=tmp_path) for _ in range(2))
    assert one.pid != other.pid and one.wait() == other.wait() == 0
    process = started(*WORDS, "trainer.epochs=100000", cwd=tmp_path)
    while not any(tmp_path.glob("run/checkpoint/epoch-*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL and not psutil.pid_exists(process.pid)
    assert " killed " in vaelab("runs", "output_dir=.", cwd=tmp_path).stdout
