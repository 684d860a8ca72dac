"""What README and documentation show is what works: commands are run, Python is executed."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from support import BACKEND, BARE, ROOT, vaelab

README = ROOT / "README.md"
TUTORIALS = ROOT / "docs" / "tutorials"
PAGES = [README, *sorted(ROOT.glob("docs/tutorials/*.md")), *sorted(ROOT.glob("docs/howto/*.md")),
         *sorted(ROOT.glob("docs/explanation/*.md"))]  # fmt: skip
EXECUTED = [README, TUTORIALS / "first_run.md"]
SERVERS = ("ui", "explore")
QUICK = ["trainer=quick", "plots.tsne.n=200", "explorer.tsne_points=200"]


def blocks(page):
    """(language, content) of every fenced block of a page."""
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def commands(page) -> list[list[str]]:
    """The words behind `vaelab` of every line of the bash blocks."""
    lines = (line for kind, block in blocks(page) if kind == "bash" for line in block.splitlines())
    return [shlex.split(line)[1:] for line in lines if line.startswith("vaelab ")]


def python(page) -> str:
    """The block that begins with `import vaelab`."""
    (block,) = (block for kind, block in blocks(page) if kind == "python" and block.startswith("import vaelab\n"))
    return block


def own_part(page):
    """({file: content}, [words]) of parts of one's own: `name` above a block is its file."""
    text = page.read_text(encoding="utf-8")
    files = dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", text, flags=re.S | re.M))
    lines = (line for kind, block in blocks(page) if kind == "text" for line in block.splitlines())
    return files, [shlex.split(line)[1:] for line in lines if line.startswith("vaelab ") and "--config-dir" in line]


OWN_FILES, OWN_COMMANDS = own_part(TUTORIALS / "own_model.md")
REAL = [w for page in EXECUTED for w in commands(page) if any(x.startswith(("dataset=", "experiment=")) for x in w)
        and "dataset=digits" not in w]  # fmt: skip


def test_the_two_commands_are_there():
    text = README.read_text(encoding="utf-8")
    assert "```bash\nmake run\n```" in text and "```bash\nmake test\n```" in text


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.stem)
@pytest.mark.quick(4)
def test_every_command_composes(page):
    from vaelab import dispatch
    from vaelab.config import compose, typed
    from vaelab.config.commands import COMMANDS as THERE
    from vaelab.config.commands import HYDRA_RUN

    for words in commands(page):
        options, overrides, _ = typed.split(words[0], dispatch.take_verb(words[0], words[1:]), words[0] in HYDRA_RUN)
        if words[0] == "train" and "--help" not in options:
            (compose.check_sweep if "-m" in options else compose.job)(overrides)
        else:
            assert words[0] in THERE


def test_the_table_names_every_option():
    """README's "What there is" against conf/."""
    table = README.read_text(encoding="utf-8").partition("## What there is")[2].partition("\n## ")[0]
    rows = {row.split("**")[1]: set(re.findall(r"`(\w+)`", row)) for row in table.splitlines() if row.count("**") == 2}
    groups = (
        "dataset",
        "model",
        "prior",
        "posterior",
        "likelihood",
        "objective",
        "structure",
        "condition",
        "metric",
        "score",
    )
    for group, told in zip(groups, rows.values()):
        assert told == {file.stem for file in ROOT.glob(f"conf/{group}/*.yaml")}, group
    assert f"{len(list(ROOT.glob('conf/plot/*.yaml')))} of them" in table


def test_the_readme_shows_what_the_tutorials_show():
    """What is executed from there need not be executed from here."""
    shown, executed = python(README).splitlines(), iter(python(TUTORIALS / "notebook.md").splitlines())
    assert [line for line in shown if line and line not in executed] == []
    files, _ = own_part(README)
    assert len(files) == 2
    for name, content in files.items():
        assert content.partition("def ")[2] in OWN_FILES[name] and set(content.splitlines()) <= {
            *OWN_FILES[name].splitlines()
        }


@pytest.mark.slow
@pytest.mark.parametrize("page", EXECUTED, ids=lambda p: p.stem)
def test_commands_on_the_digits(page, tmp_path):
    """In the page's order, in one folder; trainings shortened, servers only asked for their help."""
    for words in commands(page):
        if words in REAL:
            continue
        if words[0] in SERVERS:
            words = [words[0], "--help"]
        elif words[0] == "train" and "--help" not in words:
            chosen = any(word.startswith("plot=") for word in words)  # then t-SNE may not be among them
            words = [*words, *(word for word in QUICK if not (chosen and word.startswith("plots.")))]
        vaelab(*words, cwd=tmp_path)


@pytest.mark.slow
def test_python_of_the_tutorial(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", python(TUTORIALS / "notebook.md")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def own_parts(tmp_path):
    """An empty folder with the files of the tutorial copied into it."""
    for name, content in OWN_FILES.items():
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
def test_own_parts_train_from_the_tutorial_alone(own_parts):
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
    """A recipe trained for one epoch misses its figures: told in its table, and by the exit code 1."""
    judged = words[0] == "reproduce"
    words = [*words, *QUICK, "dataset.limit=500", f"data_dir={shared_data}"]
    done = vaelab(*words, cwd=tmp_path, timeout=1800, check=not judged)
    assert not judged or (done.returncode == 1 and " FAIL" in done.stdout and "Traceback" not in done.stderr)
