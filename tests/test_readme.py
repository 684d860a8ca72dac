"""What the README shows is what works: its commands are run, its Python is executed."""

import re
import shlex
import subprocess
import sys

import pytest
from support import ROOT, vaelab

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", TEXT, flags=re.S)
COMMANDS = [
    shlex.split(line)[1:]
    for kind, block in BLOCKS
    if kind == "bash"
    for line in block.splitlines()
    if line.startswith("vaelab ")
]
REAL = [words for words in COMMANDS if any(w.startswith("dataset=") and w != "dataset=digits" for w in words)]
SERVERS = ("ui", "explore")
QUICK = ["trainer=quick", "plots.tsne.n=200", "explorer.tsne_points=200"]


def test_the_two_commands_are_there():
    assert "```bash\nmake run\n```" in TEXT and "```bash\nmake test\n```" in TEXT


def test_every_command_composes():
    from vaelab import cli
    from vaelab.config import compose, typed
    from vaelab.config.commands import COMMANDS as THERE
    from vaelab.config.commands import HYDRA_RUN

    for words in COMMANDS:
        options, overrides, _ = typed.split(words[0], cli.take_verb(words[0], words[1:]), words[0] in HYDRA_RUN)
        if words[0] == "train" and "--help" not in options:
            compose.check_all("train", overrides, "-m" in options)
        else:
            assert words[0] in THERE


@pytest.mark.slow
def test_commands_on_the_digits(tmp_path):
    """In the README's order, in one folder; trainings shortened, servers only asked for their help."""
    for words in COMMANDS:
        if words in REAL:
            continue
        if words[0] in SERVERS:
            words = [words[0], "--help"]
        elif words[0] == "train" and "--help" not in words:
            words = [*words, *QUICK]
        vaelab(*words, cwd=tmp_path)
    python = "\n".join(block for kind, block in BLOCKS if kind == "python")
    done = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("words", REAL, ids=" ".join)
def test_commands_on_real_data(words, tmp_path, shared_data):
    vaelab(*words, *QUICK, "dataset.limit=500", f"data_dir={shared_data}", cwd=tmp_path, timeout=1800)
