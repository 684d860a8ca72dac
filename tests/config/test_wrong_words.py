"""Whatever is typed: exit 2, a sentence in words of vaelab's own, no traceback, no folder. Cases by kind.

The settings and groups are those of conf/: a new option is tried without being named here.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from support import rest_slow

from vaelab import cli
from vaelab.config import locate, schema, signature
from vaelab.config.commands import COMMANDS

INTERNALS = (
    "Traceback", "Lexer", "mismatched", "<EOF>", "typing.", "viable", "OmegaConf", "hydra.errors", "usage:",
    "object_type", "reference_type", "full_key", "extraneous", "HYDRA_FULL_ERROR", "got None", "NoneType", "Errno",
    "<class", "Exception", "argparse", "should not happen",
)  # fmt: skip
GROUPS = [g for g in locate.groups() if g in {*schema.CLOSED, *schema.MULTI} or g not in ("experiment", "sweep")]


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Function (words): types them and returns what was said, having seen that they were refused as they should be."""
    import vaelab.commands.train
    from vaelab.sweeps.launch import Sweep

    def begun(*args, **kwargs):
        pytest.fail("it was accepted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vaelab.commands.train, "train", begun)
    monkeypatch.setattr(Sweep, "launch", begun)

    def type_words(*words):
        before = sorted(tmp_path.rglob("*"))
        assert cli.main(list(words)) == 2, capsys.readouterr()
        text = capsys.readouterr().err
        assert text.strip() and len(text) < 2500
        assert not [word for word in INTERNALS if word in text], text
        assert sorted(tmp_path.rglob("*")) == before
        return text

    return type_words


@pytest.fixture
def accepted(tmp_path, monkeypatch):
    """Function (words): types them and returns the configuration that would have been trained."""
    import vaelab.commands.train

    found = []

    def begun(cfg, folder, **more):
        found.append(cfg)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vaelab.commands.train, "train", begun)

    def type_words(*words):
        assert cli.main(["train", *words]) == 0
        return found.pop()

    return type_words


# -- groups

NO_OPTIONS = ["5", "1.5", "true", "[[a]]", "[a,1]", "{a: 1}", "''", "${x}", "../x", ".", "nothing", "null", ""]


@pytest.mark.parametrize("group", rest_slow(GROUPS, GROUPS[::3]))
def test_what_is_no_option_of_a_group(group, told):
    for value in NO_OPTIONS:
        assert group in told("train", f"{group}={value}")
    assert group in told("train", f"~{group}")


@pytest.mark.parametrize("command", rest_slow(["evaluate", "data", "plot", "explore"], 1))
def test_groups_of_other_commands(command, told):
    for group in ("dataset", "metric", "plot", "explorer", "trainer"):
        for value in ("5", "nothing", "[[elbo]]", "null"):
            told(command, f"{group}={value}")


# -- values: derived from the annotation of every setting of every option


def wrong_values(annotation: Any) -> list:
    """Plain values that do not fit an annotation."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return []
    if origin in (Union, type(int | None)):
        found = [v for a in args for v in wrong_values(a)]
        return [v for v in found if not signature.fits(v, annotation)]
    if origin is Annotated:
        numbers = [] if args[0] is str else [-3, 10**400]
        return [v for v in (*wrong_values(args[0]), *numbers, "x") if not signature.fits(v, annotation)]
    if origin is Literal:
        return ["none of these", 12345, None]
    if origin in (list, tuple):
        return ["x", {"a": 1}, *([w] for w in wrong_values(args[0])[:2])]
    known = {int: ["x", 1.5, None, True, [1]], float: ["x", None, True, [1], float("nan"), float("inf")],
             bool: ["x", 1, None], str: [5, None, [1], {"a": 1}], dict: ["x", 5, [1]], list: ["x", 5]}  # fmt: skip
    return known.get(annotation, ["x"] if annotation in (None, type(None)) else [])


def settings_of_options():
    """(words that choose the option, key, annotation) of every setting in conf/."""
    for group in locate.groups():
        if group in ("experiment", "sweep"):
            continue
        for option in locate.options(group):
            if group in schema.CLOSED:
                types, node = schema.CLOSED[group], group
            else:
                shared = schema.IMAGE_OPTIONS if group == "dataset" else {}
                types = {**(signature.settings(yaml_of(group, option)["_target_"]) or {}), **shared}
                node = f"{schema.MULTI[group]}.{option}" if group in schema.MULTI else group
            chosen = f"{group}=[{option}]" if group in schema.MULTI else f"{group}={option}"
            for key in yaml_of(group, option):
                if key in types:
                    yield chosen, f"{node}.{key}", types[key]


def yaml_of(group, option):
    import yaml

    return yaml.safe_load(locate.option_file(group, option).read_text(encoding="utf-8"))


def test_every_value_that_does_not_fit_is_refused_in_words():
    """Without composing: what `check` says of each, as a sentence that names the setting and null, true, lists."""
    from vaelab.config.check import _of_value

    tried = 0
    for _, key, annotation in settings_of_options():
        for value in wrong_values(annotation):
            problems = list(_of_value(key, value, annotation))
            assert len(problems) == 1 and problems[0].startswith(f"{key}: expected"), (key, annotation, value)
            assert not [word for word in INTERNALS if word in problems[0]], problems
            tried += 1
    assert tried > 500


@pytest.mark.slow
@pytest.mark.parametrize("chosen", sorted({c for c, *_ in settings_of_options()}))
def test_a_wrong_value_of_each_option_reaches_the_user(chosen, told):
    keys = [(k, a) for c, k, a in settings_of_options() if c == chosen and wrong_values(a)]
    if not keys:
        pytest.skip("no setting with a type")
    key, annotation = keys[0]
    value = json.dumps(wrong_values(annotation)[0]).replace('"', "'")
    group = chosen.partition("=")[0]
    command = group if group == "score" else "train"  # the group of a command of its own
    assert key in told(command, chosen, f"{key}={value}")
    assert key in told(command, chosen, f"~{key}")


# -- words

SPOILED = ["{key}='a", '{key}="a', "{key}=[1", "{key}={{a", "{key}=${{foo", "{key}=${{nothing}}", "{key}=${{{key}}}",
           "{key}=${{oc.env:NOT_SET_ANYWHERE}}", "{key}=${{nothing:1}}", "{key}=", "+{key}=1", "{key}@x=1", "{key} = 5",
           "--{key}=5", "-{key}=5", "{key}\uff1d5", "{key}=“5”", "{key}:5", "{key}"]  # fmt: skip


@pytest.mark.parametrize("form", rest_slow(SPOILED, SPOILED[::3]))
def test_spoiled_words(form, told):
    for key in ("seed", "trainer.epochs", "output_dir", "expect"):
        told("train", form.format(key=key))


@pytest.mark.parametrize(
    "words,way",
    [
        (["latent_dim", "5"], "Type latent_dim=5"),
        (["latent_dim", "=", "5"], "Type latent_dim=5"),
        (["latent_dim=", "5"], "Type latent_dim=5"),
        (["latent_dim", "=5"], "Type latent_dim=5"),
        (["latent_dim = 5"], "Type latent_dim=5"),
        (["--latent_dim", "5"], "typed without dashes: latent_dim=5"),
        (["--latent_dim=5"], "typed without dashes: latent_dim=5"),
        (["--latent-dim=5"], "typed without dashes: latent_dim=5"),
        (["--latent-dim", "5"], "typed without dashes: latent_dim=5"),
        (["-latent_dim", "5"], "typed without dashes: latent_dim=5"),
        (["latent-dim", "5"], "Type latent_dim=5"),
        (["--epochs", "5"], "typed without dashes: trainer.epochs=5"),
        (["--lr=0.1"], "typed without dashes: trainer.learning_rate=0.1"),
        (["--latents", "5"], "typed without dashes: latent_dim=5"),
        (["--dataset", "mnist"], "typed without dashes: dataset=mnist"),
        (["dataset", "mnist"], "Type dataset=mnist"),
        (["mnist"], "Type dataset=mnist"),
        (["--xyzzy", "5"], "has no option --xyzzy"),
        (["xyzzy", "5"], "key=value, as in latent_dim=5"),
        (["latent_dim\uff1d5"], "Type latent_dim=5"),
        (["l\u00e4tent_dim=5"], "is not a setting"),
        (["beta=“5”"], "Type beta=5"),
        (["–m", "beta=1,2"], "type -m"),
        (["metric=[elbo"], "the bracket [ is not closed"),
        (["run_name='it"], "the quote ' is not closed"),
        (["model.hidden_dims[0]=5"], "Type the whole list: model.hidden_dims=[...]"),
        (["run_name="], "type run_name=null"),
        (["beta=1,2"], "add -m"),
        (["trainer.batch_size=null"], "got null"),
        (["--config-name", "foo"], "--config-dir DIR"),
        (["--cfg", "xyz"], "one of job, hydra, all"),
        (["--resolve"], "--cfg job"),
        (["-m", "--cfg", "job"], "do not go together"),
        (["--cfg", "job", "--package", "nothing"], "there is no node 'nothing'"),
        (["~seed"], "cannot be taken away"),
        (["hydra.runtime.output_dir=x"], "would be ignored"),
        (["trainer.epochs=null"], "trainer.steps"),
        (["hydra.run.dir=[1]"], "hydra.run.dir=[1]"),
        (["hydra/launcher=foo", "-m", "beta=1,2"], "There are"),
    ],
)
def test_how_it_is_typed_is_said(words, way, told):
    assert way in told("train", *words)


@pytest.mark.parametrize(
    "words,way",
    [
        ("evaluate --n_samples 5", "metrics.elbo.n_samples=5"),
        ("plot latest", "Type run=latest"),
        ("runs --sort elbo", "without dashes: sort=elbo"),
        ("reproduce --experiment dense_mnist_h32", "without dashes: experiment=dense_mnist_h32"),
        ("data show --dataset mnist", "without dashes: dataset=mnist"),
        ("list metrc", "Did you mean 'metric'?"),
        ("explain elboo", "Did you mean 'elbo'?"),
        ("train --json", "has no option --json"),
    ],
)
def test_how_it_is_typed_is_said_by_every_command(words, way, told):
    assert way in told(*words.split())


@pytest.mark.parametrize(
    "word",
    ["=5", "=", "~", "+", "--", "-", "---", " ", "@=1", "a.b.c.d=1", "a b=1", "a\nb=1", "seed=\x00",
     "gr\u00f6\u00dfe=5",
     "a[0]=1", "model/x=5", "+model=dense", ".=1", "a..b=1", "'seed'=5", "seed=" + "9" * 5000, "k" * 30_000,
     "k" * 3000 + "=1", "model=" + "a" * 3000, "run_name=" + "[" * 3000, "run_name=" + "[" * 900 + "]" * 900,
     ".".join("a" * 600) + "=1", "beta=1e400", "beta=nan", "beta=2020-01-01", "beta=yes", "seed=0x10", "seed=1,000",
     "trusted=5", "expect=5", "metrics=5", "plots=[1]", "sweep=", "cluster=", "sweep=a,b", "hydra=5", "hydra.foo=1",
     "hydra.mode=foo", "hydra.verbose={a: 1}", "hydra.output_subdir=../..", "hydra.job_logging=5"],
    ids=lambda word: repr(word[:30]),
)  # fmt: skip
def test_odd_words(word, told):
    told("train", word)


@pytest.mark.parametrize(
    "word",
    ["model=glob(xyz*)", "beta=glob(x*)", "beta=range(0,10,0)", "beta=range(10,0)", "beta=range(a,b)", "beta=range()",
     "beta=interval(0,1)", "beta=choice()", "beta=choice(1,2", "beta=shuffle()", "beta=sort(a,1)", "beta=1,,2",
     "beta=1,abc", "seed=range(0,1000000)", "seed=range(0,1000000000000)", "beta=range(0,1e400)", "foo=1,2",
     "model=dense,foo", "beta=1,2 sweep_name=a/b", "beta=1,2 hydra.launcher.n_jobs=0", "beta=1,2 hydra.launcher=null",
     "beta=1,2 hydra.launcher.memory_limit=0", "beta=1,2 hydra.sweep.dir=[1]", "beta=1,2 hydra.run.dir=x",
     "beta=1,2 cluster=slurm hydra.launcher.memory_limit=0", "beta=1,2 hydra.sweep.subdir=${nothing}"],
)  # fmt: skip
def test_sweeps(word, told):
    told("train", "-m", *word.split(" "))


def test_a_sweep_too_large_is_counted_not_written_out(told):
    text = told("train", "-m", "seed=range(0,1000000)", "beta=1,2")
    assert "2,000,000 jobs" in text and "hydra.sweeper.max_jobs=2000000" in text


# -- ignored


@pytest.mark.parametrize(
    "words,key",
    [
        ("trainer.optimizer=sgd trainer.beta_1=0.5", "trainer.beta_1"),
        ("trainer.optimizer=sgd trainer.epsilon=0.5", "trainer.epsilon"),
        ("trainer.rho=0.5", "trainer.rho"),
        ("trainer.momentum=0.5", "trainer.momentum"),
        ("plots.reconstructions.indices=[1,2]", "plots.reconstructions.indices"),
        ("plots.reconstructions.choose=indices", "plots.reconstructions.indices"),
        ("metric=[] metric_every=1", "metric_every"),
        ("plot=[] plot_every=1", "plot_every"),
        ("plot=[] plots.dpi=200", "plots.dpi"),
        ("plot=[] plots.format=[pdf]", "plots.format"),
        ("explorer=none explorer.points=5", "explorer.points"),
        ("explorer.projections=[pca] explorer.perplexity=5", "explorer.perplexity"),
        ("explorer.projections=[pca] explorer.tsne_points=5", "explorer.tsne_points"),
        ("explorer.min_dist=0.2", "explorer.min_dist"),
        ("tracking=none tracking.experiment=x", "tracking.experiment"),
        ("trainer.steps=5 trainer.epochs=5", "trainer.epochs"),
        ("sweep_name=a", "sweep_name"),
        ("hydra.launcher.n_jobs=4", "hydra.launcher.n_jobs"),
        ("cluster=local", "hydra/launcher"),
        ("hydra.sweep.dir=x", "hydra.sweep.dir"),
    ],
)
def test_what_would_be_ignored_is_refused(words, key, told):
    assert key in told("train", *words.split(" "))


@pytest.mark.parametrize("value", ["infmin", "nanmin", "-5min", "0min", "5h", "abc", "-1", "0", "nan", "null", "min"])
def test_checkpoint_every(value, told):
    assert "as in 5min" in told("train", f"trainer.checkpoint_every={value}")


@pytest.mark.parametrize("value", ["--val/loss", "-", "val", "val/", "/loss", "val loss", "foo/loss", "val/loss/x"])
def test_optimize(value, told):
    assert "such as val/loss" in told("train", f"optimize={value}")


# -- files of the user's

FILES = {
    "a list": b"- 1\n- 2\n", "latin-1": "# \xe4\n_target_: \xe4\n".encode("latin-1"), "binary": bytes(range(256)),
    "a text": b"hello", "a tab": b"a:\n\t- b", "deep": b"a: " + b"[" * 2000 + b"]" * 2000, "an alias": b"a: *b\n",
    "itself": b"a: &x [*x]\n", "python": b"a: !!python/object/apply:os.system ['true']\n", "numbers": b"1: 2\n",
    "defaults": b"defaults: 5\n", "missing": b"defaults:\n  - nothing\n", "unclosed": b"_target_: ${nothing\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", rest_slow(FILES, ["latin-1", "deep", "python", "defaults"]))
@pytest.mark.parametrize("group", ["model", "sweep", None])
def test_files_of_the_users(kind, group, told, tmp_path):
    path = tmp_path / "mine" / (f"{group}/bad.yaml" if group else "train.yaml")
    path.parent.mkdir(parents=True)
    path.write_bytes(FILES[kind])
    told("train", "--config-dir", "mine", *([f"{group}=bad"] if group else []))


# -- other commands


@pytest.mark.parametrize("command", rest_slow([c for c in COMMANDS if c not in ("train", "completion")], 5))
def test_other_commands(command, told):
    for words in (["foo=1"], ["foo"], ["--foo"], ["run='a"], ["run=[1"], ["=5"], ["output_dir=[1]"], ["trusted=5"],
                  ["hydra.run.dir=x"], ["run=${foo}"], ["run"], ["run="], ["run=\x00"], ["-cd", "nothing"],
                  ["output_dir"], ["--run=x"], ["run = x"]):  # fmt: skip
        if (command, *words) != ("explain", "run"):  # which is a word of the glossary
            told(command, *words)


# -- what simply works


@pytest.mark.parametrize(
    "text",
    rest_slow(["Gr\u00f6\u00dfe", "my runs", "img/umlaut \u00e4 b", "\u65e5\u672c \u8a9e", "a=b", "a(1)", "it's here",
     "C:\\x y", "a#b", "50% \u00e4", "a [1]", "a{1}", "(x)", "a!b", "a&b;c|d", "a*b?", "a<b>c", "~x", "@home", "`x`",
     'a"b', "a^b"], 6),
)  # fmt: skip
def test_paths_need_no_quotes_for_hydra(text, accepted):
    cfg = accepted(f"output_dir={text}", f"run_name={text}")
    assert cfg["output_dir"] == cfg["run_name"] == text


@pytest.mark.parametrize(
    "text", rest_slow(["a,b", "my runs", "\u00e4 'b' \"c\"", "null", "5", "[x]", "$x", "\\", "a\\'b"], 4)
)
def test_a_printed_command_can_be_typed(text, accepted):
    import shlex

    from vaelab.config import words

    line = words.pasteable(words.setting("run_name", text))
    assert accepted(*shlex.split(line))["run_name"] == text


def test_a_repeated_word_is_told(accepted, capsys):
    assert accepted("seed=1", "seed=2")["seed"] == 2
    assert "seed=1 is not used: seed=2 comes after it" in capsys.readouterr().err


# -- defects


def test_a_defect_keeps_its_traceback_in_a_file(monkeypatch, capsys, tmp_path):
    def broken(*args, **more):
        raise KeyError("a slip of ours")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("vaelab.config.check.check", broken)
    monkeypatch.setattr(sys, "argv", ["vaelab", "evaluate"])
    assert cli.main(["evaluate", "run=latest"]) == 1
    told = capsys.readouterr().err
    (log,) = Path(tmp_path).glob("vaelab-*.log")
    assert len(told.splitlines()) == 1 and "KeyError" in told and str(log) in told
    assert "a slip of ours" in log.read_text() and "Traceback" in log.read_text()
