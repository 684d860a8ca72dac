"""Start-up, help, completion: quick, quiet, without heavy imports."""

import os
import re
import resource
import subprocess
import sys

import pytest
from support import ROOT

from vaelab import cli
from vaelab.commands import completion
from vaelab.config import locate, typed
from vaelab.config.commands import COMMANDS
from vaelab.records.run_folder import RunFolder
from vaelab.system import tables

HEAVY = "{'tensorflow', 'keras', 'mlflow', 'sklearn', 'matplotlib'}"


@pytest.mark.parametrize("words,limit", [(["--help"], 0.5), (["train", "--help"], 1.5)])
def test_help_is_quick_and_light(words, limit):
    code = f"import sys; from vaelab.cli import main; main({words!r}); print(sorted({HEAVY} & set(sys.modules)))"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.strip().endswith("[]")
    assert done.stderr == ""
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < limit


def test_a_wrong_setting_costs_no_heavy_import(tmp_path):
    code = f"import sys; from vaelab.cli import main; main(['train', 'beta=x']); print({HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip().endswith("set()")


def test_help_lists_every_group_and_setting(capsys):
    assert cli.main(["train", "--help"]) == 0
    page = capsys.readouterr().out
    for word in ("conv_v2", "fashionmnist", "gaussian", "trainer.learning_rate=0.001", "latent_dim=2", "beta=1.0"):
        assert word in page


@pytest.mark.parametrize(
    "words,there,not_there",
    [
        (["train", "model=dense", "dataset=mnist"], ["model.hidden_dims=[512]", "first map pixels x to 2x - 1",
         "dataset=mnist  MNIST: 60,000", "dataset.resize=null", "Lanczos", "paper: LeCun"], ["trainer.ep", "prior="]),
        (["train", "model=dense", "model.hidden_dims=[7]"], ["model.hidden_dims=[7]"], ["dataset"]),
        (
            ["plot", "plot=[traversal]"],
            ["plots.traversal.steps=11", "prior standard deviations", "plots.dpi=null", "pixels per inch"],
            ["tsne", "plot=dpi"],
        ),
        (["evaluate", "metric=[nll,mig]"], ["metrics.nll.samples=500", "metrics.mig.bins=20", "Chen"], ["elbo.split"]),
        (["train", "experiment=dense_mnist_h32"], ["cost: 20 s of CPU time", "model.hidden_dims=[32]"], ["prior="]),
        (["train", "sweep=latent_sizes"], ["the smallest latent_dim within noise"], ["prior="]),
    ],
)  # fmt: skip
def test_help_of_what_is_chosen(words, there, not_there, capsys):
    assert cli.main([*words, "--help"]) == 0
    page = capsys.readouterr().out
    assert [word for word in there if word not in page] == []
    assert [word for word in not_there if word in page] == []


def test_help_of_a_wrong_choice_is_a_sentence(capsys):
    assert cli.main(["train", "model=dens", "--help"]) == 2
    assert capsys.readouterr().err == "vaelab: model=dens: there is no model called 'dens'. Did you mean 'dense'?\n"


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("words", ["--help", "train --help", "plot plot=[manifold] --help", "list", "list metric",
                                   "explain nll", "explain"])  # fmt: skip
def test_pages_fit_the_terminal(words, width, monkeypatch, capsys):
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    assert cli.main(words.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    own = [line for line in lines if line.startswith("  ")]  # sentences around them are as long as they are
    assert own and max(map(len, own)) <= max(width, 72 if words == "--help" else width)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page(name, capsys):
    assert cli.main([name, "--help"]) == 0
    assert COMMANDS[name] in capsys.readouterr().out


def test_options_may_stand_anywhere():
    options, overrides, _ = typed.split("train", ["beta=1,2", "-m", "latent_dim=2"], True)
    assert options == ["-m"] and overrides == ["beta=1,2", "latent_dim=2"]
    options, overrides, _ = typed.split("train", ["latent_dim=2", "--cfg", "job", "-q", "--resolve"], True)
    assert options == ["--cfg", "job", "--resolve"] and overrides == ["latent_dim=2", "quiet=true"]


@pytest.mark.parametrize(
    "before,word,expected",
    [
        ([], "tr", ["train"]),
        (["train"], "dataset=fa", ["dataset=fashionmnist"]),
        (["train"], "model=conv_v", ["model=conv_v1", "model=conv_v2"]),
        (["train"], "plot=[tsne,manif", ["plot=[tsne,manifold"]),
        (["train"], "trainer.ep", ["trainer.epochs="]),
        (["train"], "backend=j", ["backend=jax"]),
        (["data"], "sh", ["show"]),
        (["list"], "obj", ["objective"]),
        (["explain"], "acti", ["active_units"]),
        (["train", "model=dense"], "model.", ["model.hidden_dims=", "model.center="]),
        (["train", "model=conv_v2", "beta=2"], "model.fil", ["model.filters="]),
        (["plot", "plot=[traversal]"], "plots.traversal.st", ["plots.traversal.steps="]),
        (["runs"], "--j", ["--json"]),
        (["evaluate"], "metric=[elb", ["metric=[elbo"]),
    ],
)
def test_completion(before, word, expected):
    found = completion.candidates(before, word)
    assert set(expected) <= set(found)
    assert all(candidate.startswith(word) for candidate in found)


def test_completion_of_run_folders(tmp_path, monkeypatch):
    for name in ("one", "two"):
        RunFolder(tmp_path / "outputs/digits-dense-vae" / name).update_status(state="done")
    monkeypatch.chdir(tmp_path)
    both = [f"outputs/digits-dense-vae/{name}" for name in ("one", "two")]
    assert completion.candidates(["evaluate"], "run=") == ["run=latest", *(f"run={path}" for path in both)]
    assert completion.candidates(["plot", "plot=[tsne]"], f"run={both[0][:-1]}") == [f"run={both[0]}"]
    assert completion.candidates(["compare"], f"run=[{both[0]},outputs/digits-dense-vae/tw") == [
        f"run=[{both[0]},{both[1]}"
    ]
    assert completion.candidates(["plot", "output_dir=elsewhere"], "run=o") == []


def test_completion_in_a_real_bash(tmp_path):
    program = tmp_path / "vaelab"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vaelab "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(vaelab completion bash)"; COMP_LINE="vaelab train dataset=dig"; COMP_POINT=24; '
        '_vaelab_complete; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["dataset=digits"], done.stderr


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"vaelab \d+\.\d+\.\d+\n", capsys.readouterr().out)


READ_ONLY = """
import pathlib, sys
from vaelab import cli
def refused(*args, **more):
    raise OSError(30, "Read-only file system", "outputs/digits-dense-vae")
pathlib.Path.mkdir = refused
sys.exit(cli.main(["train", "model=dense"]))
"""


def test_a_folder_that_must_not_be_written_is_said_in_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    told = "vaelab: outputs/digits-dense-vae: Read-only file system. What was finished before is kept.\n"
    assert done.stderr == told


def test_one_command_leaves_nothing_to_the_next(tmp_path, monkeypatch, capsys):
    """Folders of --config-dir and -q hold for their own command, also where that ends with an error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "tiny.yaml").write_text((locate.conf_dir() / "model" / "dense.yaml").read_text())
    typed = ["train", "model=tiny", "--cfg", "job"]
    assert cli.main([*typed, "--config-dir", "mine"]) == 0
    assert cli.main(["train", "model=tiny", "-q", "beta=x", "--config-dir", "mine"]) == 2
    assert "beta: expected a number" in capsys.readouterr().err
    assert locate.user_dirs() == () and cli.main(typed) == 2
    assert "there is no model called 'tiny'" in capsys.readouterr().err
    assert cli.main(["train", "seed=1", "seed=2", "--cfg", "job"]) == 0
    assert capsys.readouterr().err == "note: seed=1 is not used: seed=2 comes after it.\n"
    assert cli.main(["train", "-q", "seed=1", "seed=2", "--cfg", "job"]) == 0
    assert capsys.readouterr().err == ""


def test_completion_knows_the_options_of_a_config_dir(tmp_path, monkeypatch, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "tiny.yaml").write_text("")
    line = f"vaelab train --config-dir {tmp_path} model=ti"
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert cli.main(["-sc"]) == 0 and capsys.readouterr().out == "model=tiny\n"
