"""What the README shows is what works: its commands are run, its Python is executed."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from support import BACKEND, BARE, ROOT, vaelab

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", TEXT, flags=re.S)
COMMANDS = [
    shlex.split(line)[1:]
    for kind, block in BLOCKS
    if kind == "bash"
    for line in block.splitlines()
    if line.startswith("vaelab ")
]
# "Add your own": `name` above a block is its file; the commands there are not among the others'.
OWN = TEXT.partition("## Add your own")[2].partition("\n## ")[0]
OWN_FILES = re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)```", OWN, flags=re.S | re.M)
OWN_COMMANDS = [shlex.split(line)[1:] for line in OWN.splitlines() if line.startswith("vaelab ")]
REAL = [words for words in COMMANDS if any(w.startswith("dataset=") and w != "dataset=digits" for w in words)]
SERVERS = ("ui", "explore")
QUICK = ["trainer=quick", "plots.tsne.n=200", "explorer.tsne_points=200"]


def test_the_two_commands_are_there():
    assert "```bash\nmake run\n```" in TEXT and "```bash\nmake test\n```" in TEXT


def test_every_command_composes():
    from vaelab import dispatch
    from vaelab.config import compose, typed
    from vaelab.config.commands import COMMANDS as THERE
    from vaelab.config.commands import HYDRA_RUN

    for words in COMMANDS:
        options, overrides, _ = typed.split(words[0], dispatch.take_verb(words[0], words[1:]), words[0] in HYDRA_RUN)
        if words[0] == "train" and "--help" not in options:
            (compose.check_sweep if "-m" in options else compose.job)(overrides)
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
    (python,) = (block for kind, block in BLOCKS if kind == "python" and "import vaelab\n" in block)
    done = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def own_parts(tmp_path):
    """An empty folder with the files of "Add your own" copied into it."""
    for name, content in OWN_FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def own(words, cwd, check=True):
    """`vaelab ...` as the installed script runs it: the current folder is not on Python's path."""
    code = f"import sys; from vaelab.cli import main; sys.exit(main({list(words)!r}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": BACKEND}
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=cwd, capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_own_parts_train_from_the_readme_alone(own_parts):
    """A model, a metric and an objective, copied out; then everything else that imports them."""
    train, evaluate = OWN_COMMANDS
    done = own([*train, *QUICK[:1], f"backend={BACKEND}", *BARE], own_parts)
    assert "test/code_norm" in done.stdout
    following = done.stdout.partition("next:")[2]
    assert all("trusted=[my_parts]" in line and "--config-dir=" in line for line in following.strip().splitlines())
    assert "test/code_norm" in own(evaluate, own_parts).stdout


@pytest.mark.slow
def test_own_parts_go_on_and_sweep(own_parts):
    train, evaluate = OWN_COMMANDS
    consent = [w for w in evaluate if w.startswith(("--config-dir", "trusted", "my_conf"))]
    (own_parts / "my_parts.py").rename(own_parts / "my_conf" / "my_parts.py")  # beside its options
    own([*train, *QUICK[:1], *BARE], own_parts)
    own(["resume", *consent, "run=latest", "trainer.epochs=3"], own_parts)
    done = own([*train, "-m", "seed=0,1", *QUICK[:1], *BARE], own_parts)
    assert done.stdout.count("  done ") == 2


MISTAKES = {
    "model.wdth=3": r"model\.wdth is not a setting\. Did you mean 'model\.width'\?",
    "model.bias=3": r"model\.bias is not a setting.*There are: model\.activation, model\.width\.",
    "metrics.code_norm.splt=test": r"Did you mean 'metrics\.code_norm\.split'\?",
    "model.width=wide": "model.width: expected an integer, got 'wide'",
    "model._target_=my_parts.TwoLayer": r"there is no my_parts\.TwoLayer",
    "model._target_=my_part.TwoLayers": r"my_part is a package of yours.*trusted=\[my_part\]",
    "trusted=[]": r"my_parts is a package of yours.*trusted=\[my_parts\]",
}


@pytest.mark.parametrize("word", MISTAKES)
@pytest.mark.quick(5)
def test_mistakes_with_own_parts_are_answered_in_a_sentence(own_parts, word, monkeypatch):
    from vaelab.config import compose, locate
    from vaelab.errors import ConfigError

    monkeypatch.chdir(own_parts)
    words = [w for w in OWN_COMMANDS[0][1:] if not w.startswith("--config-dir") and w != "my_conf"]
    with locate.config_dirs("my_conf"), pytest.raises(ConfigError, match=MISTAKES[word]):
        compose.job([*words, word])


def test_a_class_without_decoder_is_refused_by_name(own_parts, monkeypatch):
    from vaelab.config import trust
    from vaelab.errors import ConfigError

    monkeypatch.chdir(own_parts)
    before = list(sys.path)
    (own_parts / "half_done.py").write_text("class Half:\n    def encoder(self, data_shape, noise_dim=0): ...\n")
    with pytest.raises(ConfigError, match=r"half_done\.Half: Half has no decoder, which the contract Architecture"):
        trust.load("half_done.Half", "model", ["half_done"])
    with pytest.raises(ConfigError, match=r"half_done.*has no Hal\. Did you mean 'Half'\?"):
        trust.load("half_done.Hal", "model", ["half_done"])
    with pytest.raises(ConfigError, match="There is no module not_there: looked on"):
        trust.load("not_there.Half", "model", ["not_there"])
    (own_parts / "broken_part.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(ConfigError, match="broken_part cannot be loaded: there is no module named nowhere_to_be_found"):
        trust.load("broken_part.Half", "model", ["broken_part"])
    assert sys.path == before


def test_an_installed_package_is_not_shadowed(own_parts, monkeypatch):
    from vaelab.config import signature, trust

    monkeypatch.chdir(own_parts)
    (own_parts / "jinja2.py").write_text("class Template: ...\n")
    assert "site-packages" in str(signature.module_file("jinja2"))
    assert "site-packages" in trust._imported("jinja2")["__file__"]


@pytest.mark.slow
@pytest.mark.parametrize("words", REAL, ids=" ".join)
def test_commands_on_real_data(words, tmp_path, shared_data):
    vaelab(*words, *QUICK, "dataset.limit=500", f"data_dir={shared_data}", cwd=tmp_path, timeout=1800)
