"""Folders, options and sweeps that somebody else made: nothing of theirs is run, written elsewhere or sent anywhere."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml
from report.test_report import run_folder
from support import rest_slow

import vaelab
from vaelab import cli, contracts
from vaelab.config import locate, schema, trust
from vaelab.datasets import download
from vaelab.errors import ConfigError, DataError, RunError, VaelabError, visible
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.report.write import write

GROUPS = list(contracts.BY_GROUP)

# -- the door ----------------------------------------------------------------------------------------------------------

FOREIGN = [
    "os.system", "subprocess.run", "builtins.exec", "builtins.eval", "shutil.rmtree", "pathlib.Path.touch",
    "keras.src.utils.file_utils.os.system", "keras.src.utils.file_utils.shutil.rmtree", "keras.utils.get_file",
    "keras.config.enable_unsafe_deserialization", "keras.saving.load_model", "keras.layers.Lambda", "keras.Model",
    "tensorflow.io.write_file", "importlib.import_module", "runpy.run_path", "antigravity.geohash",
    "vaelab.cli.main", "vaelab.cli.os.system", "vaelab.__main__.main", "vaelab.jobs.job.run", "vaelab.build.part",
    "vaelab.datasets.download.download", "vaelab.datasets.download.obtain", "vaelab.datasets.by_name.load_by_name",
    "vaelab.datasets.prepare.load_dataset", "vaelab.config.trust.importlib.import_module", "vaelab.system.files.write",
    "vaelab.training.checkpoint.CheckpointFolder", "vaelab.models.dense.Dense.encoder", "vaelab.models.dense.keras",
    "vaelab.models.dense.layers.Lambda", "hydra.utils.instantiate", "hydra_plugins.vaelab_launcher.launcher",
    "vaelab/../os.system", "vaelab..models.dense.Dense", ".os.system", "os", "", "os.system\n", "ｏs.system",
    "vaelab.models.dense.__import__", None, 3, ["os.system"], {"_target_": "os.system"},
]  # fmt: skip


@pytest.mark.parametrize("target", FOREIGN, ids=str)
def test_no_group_takes_what_is_no_part(target):
    before = set(sys.modules)
    for group in GROUPS:
        with pytest.raises(ConfigError):
            trust.load(target, group)
        assert trust.beside(target, group, "shapes") is None
    assert set(sys.modules) - before <= {"vaelab.config.check"}, "a refused name is not imported"


@pytest.mark.parametrize("group", GROUPS)
def test_a_part_of_one_group_is_none_of_another(group):
    own = trust.built_in(group)
    assert own and all(name.startswith("vaelab.") for name in own)
    packages = {name.split(".")[1] for name in own}
    assert len(packages) == 1, "each group has its package"
    for other in GROUPS:
        for name in trust.built_in(other) - own:
            with pytest.raises(ConfigError, match=f"in the group '{group}'"):
                trust.check(name, group)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A user's package; importing its module `bomb` leaves a file."""
    home = tmp_path / "site" / "mine_of_this_test"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("")
    (home / "bomb.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'canary')!r}).touch()\ndef load(*, data_dir, seed): ..."
    )
    (home / "parts.py").write_text(
        "import os\nfrom functools import partial\nfrom os.path import join\nfrom subprocess import run\n"
        "class Net:\n    def encoder(self, data_shape, noise_dim=0): ...\n"
        "    def decoder(self, data_shape, latent_dim, likelihood_channels): ...\n    class Inner: ...\n"
        "class Half:\n    def encoder(self): ...\ndef load(*, data_dir, seed): ...\nready = Net()\n"
        "bound = partial(load)\n"
    )
    monkeypatch.syspath_prepend(str(home.parent))
    yield home.name
    for name in [m for m in sys.modules if m.startswith(home.name)]:
        del sys.modules[name]


def test_a_module_is_not_imported_without_consent(package, tmp_path):
    with pytest.raises(ConfigError, match=rf"add trusted=\[{package}\]"):
        trust.load(f"{package}.bomb.load", "dataset")
    assert not (tmp_path / "canary").exists()
    trust.load(f"{package}.bomb.load", "dataset", [package])
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "name,group",
    [("parts.run", "metric"), ("parts.join", "metric"), ("parts.os.system", "metric"), ("parts.ready", "model"),
     ("parts.bound", "dataset"), ("parts.Net.encoder", "model"), ("parts.Net.Inner", "model"), ("parts.Half", "model"),
     ("parts.Net", "dataset"), ("parts.Net", "beta_schedule"), ("parts.gone", "model"), ("gone.Net", "model"),
     ("parts.__builtins__", "model"), ("parts.os", "model"), ("parts", "model")],
)  # fmt: skip
def test_consent_is_to_what_the_package_itself_defines_for_this_slot(package, name, group):
    with pytest.raises(ConfigError):
        trust.load(f"{package}.{name}", group, [package])
    assert trust.load(f"{package}.parts.Net", "model", [package]).__name__ == "Net"
    assert trust.load(f"{package}.parts.load", "dataset", [package]).__name__ == "load"


@pytest.mark.parametrize("target", ["keras.utils.get_file", "os.system", "subprocess.run", "runpy.run_path"])
def test_no_consent_makes_parts_of_keras_or_python(target):
    for group in GROUPS:
        with pytest.raises(ConfigError, match="holds none"):
            trust.load(target, group, [target.partition(".")[0]])


@pytest.mark.parametrize("group", rest_slow(GROUPS, 4))
def test_an_option_of_a_config_dir_goes_through_the_door(group, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs" / group).mkdir(parents=True)
    for n, target in enumerate(("keras.src.utils.file_utils.os.system", "vaelab.cli.main", "bomb.load")):
        settings = {"_target_": target, "command": f"touch {tmp_path}/canary", "epochs": 1}
        several = group in schema.MULTI
        node = f"{schema.MULTI[group]}.evil{n}" if several else group
        (tmp_path / "theirs" / group / f"evil{n}.yaml").write_text(f"# @package {node}\n{yaml.safe_dump(settings)}")
        chosen = f"{group}=[evil{n}]" if several else f"{group}=evil{n}"
        command = "train" if group in locate.chosen("train") else group  # vaelab score
        assert cli.main([command, "--config-dir", "theirs", chosen]) == 2
        told = capsys.readouterr().err
        assert "_target_" in told and "Traceback" not in told
    assert not (tmp_path / "canary").exists() and not (tmp_path / "outputs").exists()


def test_listing_the_data_imports_nothing_of_a_config_dir(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs" / "dataset").mkdir(parents=True)
    for n, target in enumerate(("vaelab.__main__.x", "bomb.load", "os.system")):
        text = f"# \u202e[/nothing] [bold]Evil\n_target_: {target}\n"
        (tmp_path / "theirs" / "dataset" / f"evil{n}.yaml").write_text(text)
    (tmp_path / "bomb.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert cli.main(["data", "list", "--config-dir", "theirs"]) == 0
    told = capsys.readouterr().out
    assert "\\u202e[/nothing] [bold]Evil" in told and "\u202e" not in told
    assert not (tmp_path / "canary").exists()


# -- names of files ----------------------------------------------------------------------------------------------------

ENTRY = {"url": "http://127.0.0.1:9/x", "sha256": None}
ELSEWHERE = ["../x.pth", "../../x.pth", "/etc/x.pth", "a/../../x", "a/b", "..", ".", "", "x\0y", None, 3, ["x"]]


@pytest.mark.parametrize("name", ELSEWHERE, ids=repr)
def test_files_lie_below_the_data_folder(name, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_transfer", lambda *_: pytest.fail("it was fetched"))
    with pytest.raises(ConfigError, match=r"dataset\.files"):
        download.obtain("mnist", [{"name": name, **ENTRY}], ["mnist"], str(tmp_path))
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "folders", [["../.."], ["/tmp"], ["a/../../b"], [""], [], [None], [["a"]], ["ok", "../b"]], ids=str
)
def test_folders_lie_below_the_data_folder(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_transfer", lambda *_: pytest.fail("it was fetched"))
    with pytest.raises(ConfigError, match=r"dataset\.folders"):
        download.obtain("mnist", [{"name": "x", **ENTRY}], folders, str(tmp_path))
    assert not list(tmp_path.rglob("*"))


def test_nothing_is_downloaded_through_a_link_that_leads_out(tmp_path, monkeypatch):
    data, cache, outside = (tmp_path / name for name in ("data", "cache", "outside"))
    for folder in (data, outside):
        folder.mkdir()
    monkeypatch.setenv("VAELAB_CACHE", str(cache))
    monkeypatch.setattr(download, "_transfer", lambda address, part, progress: part.write_text("content"))
    (data / "mnist").symlink_to(outside)
    found = download.obtain("mnist", [{"name": "x", **ENTRY}], ["mnist"], str(data))
    assert found["x"] == cache / "mnist" / "x" and not list(outside.iterdir())
    (data / "other").mkdir()
    (outside / "victim").write_text("mine")
    (data / "other" / "y.part").symlink_to(outside / "victim")
    download.obtain("mnist", [{"name": "y", **ENTRY}], ["other"], str(data))
    assert (outside / "victim").read_text() == "mine" and (data / "other" / "y").read_text() == "content"


# -- run folders -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def watched():
    """(address, connections so far) of a server that nobody may talk to."""
    server, seen = socket.create_server(("127.0.0.1", 0)), []

    def listen():
        while True:
            try:
                connection, peer = server.accept()
            except OSError:
                return
            seen.append(peer)
            connection.close()

    threading.Thread(target=listen, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
    server.close()


class Attack:
    """A copy of a finished run that an attack changes.

    Attributes:
        run: its folder; `home` is where the user works, with `victim.txt`, `canary` must never appear in it.
    """

    def __init__(self, digits_run, base: Path, address: str):
        self.home, self.address = base, address
        self.run = base / "theirs" / "outputs" / "digits" / "run"
        shutil.copytree(digits_run[1], self.run, ignore=shutil.ignore_patterns("explorer.html", ".hydra"))
        self.canary, self.victim = base / "canary", base / "victim.txt"
        self.victim.write_text("mine")
        self.status(mlflow_run_id=None, mlflow_uri=None, mlflow_delivered=True)
        self.config(tracking={"enabled": False, "uri": None, "experiment": "x"})

    def config(self, **changes):
        path = self.run / "config.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))

    def part(self, group, target, **settings):
        self.config(**{group: {"_target_": target, **settings}})

    def json(self, name, content):
        (self.run / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def status(self, **changes):
        self.json("status.json", {**json.loads((self.run / "status.json").read_text()), **changes})

    def dataset(self, option, **changes):
        content = yaml.safe_load((locate.conf_dir() / "dataset" / f"{option}.yaml").read_text())
        del content["defaults"]
        image = yaml.safe_load((locate.conf_dir() / "base" / "image.yaml").read_text())
        self.config(dataset={**image, **content, **changes})

    def link(self, name, to):
        path = self.run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(to)

    def pickled(self, name):
        class Bomb:
            def __reduce__(bomb):
                return os.system, (f"touch {self.canary}",)

        content = np.empty(1, object)
        content[0] = Bomb()
        with np.load(self.run / name) as arrays:
            names = arrays.files
        np.savez(self.run / name, **dict.fromkeys(names, content))


def _files(option, **entry):
    def change(a):
        content = yaml.safe_load((locate.conf_dir() / "dataset" / f"{option}.yaml").read_text())
        files = [dict(f) for f in content["files"]]
        files[0] |= {
            k: v.replace("HOME", str(a.home)).replace("ADDRESS", a.address) if v else v for k, v in entry.items()
        }
        a.dataset(option, files=files)

    return change


def _h5(a, name="decoder.h5"):
    """A model with a Lambda layer of Python code in place of the decoder's last layer."""
    import base64
    import marshal

    import h5py

    code = marshal.dumps(compile(f"__import__('os').system('touch {a.canary}')", "x", "eval"))
    function = {"class_name": "__lambda__", "config": {"code": base64.b64encode(code).decode(), "defaults": None,
                "closure": None}}  # fmt: skip
    with h5py.File(a.run / name, "r+") as file:
        content = json.loads(file.attrs["model_config"])
        layers = content["config"]["layers"]
        layers[-1] |= {"class_name": "Lambda", "module": "keras.layers", "registered_name": None}
        layers[-1]["config"] = {"name": layers[-1]["config"]["name"], "function": function, "trainable": True}
        file.attrs["model_config"] = json.dumps(content)


def _h5_module(a):
    """A decoder that names a module beside the run."""
    import h5py

    (a.home / "bomb.py").write_text(f"open({str(a.canary)!r}, 'w')")
    with h5py.File(a.run / "decoder.h5", "r+") as file:
        content = json.loads(file.attrs["model_config"])
        content["config"]["layers"][-1] |= {"class_name": "Net", "module": "bomb", "registered_name": "bomb>Net"}
        file.attrs["model_config"] = json.dumps(content)


def _store(a):
    """A store beside the run that would put files into the user's home."""
    database = a.run.parents[1] / "mlflow.db"
    from vaelab.records.tracking import default_uri

    uri = default_uri(database.parent)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("x", artifact_location=(a.home / "artifacts").as_uri())
    run = client.create_run(experiment, tags={"vaelab.folder": str(a.run)})
    a.status(mlflow_run_id=run.info.run_id, mlflow_uri=uri)
    a.config(tracking={"enabled": True, "uri": None, "experiment": "x"})


def _other_store(a):
    sqlite3.connect(a.home / "elsewhere.db").close()
    a.status(mlflow_run_id="0" * 32, mlflow_uri=f"sqlite:///{a.home}/elsewhere.db")


def _server(a):
    a.status(mlflow_run_id="0" * 32, mlflow_uri=a.address)
    a.config(tracking={"enabled": True, "uri": a.address, "experiment": "x"})


KERAS_SYSTEM = "keras.src.utils.file_utils.os.system"
FUNCTION, CLASS = "vaelab.datasets.download.download", "vaelab.training.checkpoint.CheckpointFolder"
BUILDS = ("evaluate", "plot", "resume", "reproduce", "explore", "load")
DECODES = ("generate", "explore", "export")
WRITES = ("evaluate", "plot", "resume", "generate", "export")
READS = ("evaluate", "runs", "compare", "generate", "load")
# name: (what is changed, the commands that meet it)
ATTACKS = {
    "model is os.system through keras": (lambda a: a.part("model", KERAS_SYSTEM, command=f"touch {a.canary}"), BUILDS),
    "likelihood is os.system": (lambda a: a.part("likelihood", "os.system", command=f"touch {a.canary}"), BUILDS[:1]),
    "dataset is os.system": (lambda a: a.part("dataset", KERAS_SYSTEM, command=f"touch {a.canary}"), BUILDS),
    "posterior is rmtree": (
        lambda a: a.part("posterior", "keras.src.utils.file_utils.shutil.rmtree", path=str(a.home)), BUILDS[:1]),
    "objective fetches a file": (
        lambda a: a.part("objective", "keras.utils.get_file", fname=str(a.canary), origin=a.address), BUILDS[:2]),
    "schedule allows unsafe models": (
        lambda a: a.part("beta_schedule", "keras.config.enable_unsafe_deserialization"), BUILDS[:1]),
    "learning rate is a command of ours": (
        lambda a: a.part("learning_rate_schedule", "vaelab.cli.main", argv=["data", "list"]), BUILDS[:1]),
    "capacity is a class of ours": (lambda a: a.part("capacity_schedule", CLASS, path=str(a.canary)), BUILDS[:1]),
    "structure is a function of ours": (
        lambda a: a.part("structure", "vaelab.system.files.write", path=str(a.canary), text="x"), BUILDS[:1]),
    "dataset is the downloader": (
        lambda a: a.part("dataset", FUNCTION, entry={"name": "x", "url": a.address}, folder=str(a.home)), BUILDS[:2]),
    "dataset is a model": (lambda a: a.part("dataset", "vaelab.models.dense.Dense", hidden_dims=[3]), BUILDS[:1]),
    "a module beside the run": (
        lambda a: ((a.home / "bomb.py").write_text(f"open({str(a.canary)!r}, 'w')"), a.part("model", "bomb.Net")),
        BUILDS),
    "a metric of the run": (
        lambda a: a.config(metrics={"elbo": {"_target_": KERAS_SYSTEM, "command": f"touch {a.canary}"}}), ("resume",)),
    "a plot of the run": (
        lambda a: (a.config(plots={"x": {"_target_": "os.system", "command": f"touch {a.canary}"}}),
                   a.status(state="killed")), ("resume",)),
    "no name of a part": (lambda a: a.part("model", ["os.system"]), BUILDS[:1]),
    "an empty part": (lambda a: a.config(model={}), BUILDS[:1]),
    "a part that is a text": (lambda a: a.config(objective="os.system"), BUILDS[:1]),
    "python in yaml": (
        lambda a: (a.run / "config.yaml").write_text(f"model: !!python/object/apply:os.system ['touch {a.canary}']"),
        READS),
    "a bomb of aliases": (
        lambda a: (a.run / "config.yaml").write_text(
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)) + "model: {}\n"),
        READS),
    "a deep yaml": (lambda a: (a.run / "config.yaml").write_text("model: " + "[" * 5000), READS[:2]),
    "a file above the data": (_files("mnist", name="../../x.pth", url="ADDRESS", sha256=None), BUILDS[:3]),
    "an absolute file": (_files("mnist", name="HOME/canary", url="ADDRESS", sha256=None), BUILDS[:1]),
    "folders above the data": (lambda a: a.dataset("mnist", folders=["../../.."]), BUILDS[:1]),
    "an address of its own": (_files("mnist", url="ADDRESS", mirror="ADDRESS", sha256=None), BUILDS[:1]),
    "addresses of drawings": (
        lambda a: a.dataset("quickdraw", url=f"{a.address}/{{category}}", categories=["../../x"]), BUILDS[:1]),
    "a dataset of a dataset": (
        lambda a: (
            (a.home / "evil.yaml").write_text(f"_target_: os.system\ncommand: touch {a.canary}\n"),
            a.dataset("paired", members=[f"{a.home}/evil", "../../../../evil"])), BUILDS[:1]),
    "an option elsewhere": (
        lambda a: (
            (a.home / "evil.yaml").write_text(
                f"_target_: vaelab.datasets.mnist.load\nfiles: [{{name: ../x, url: '{a.address}'}}]\n"),
            a.status(chosen={"dataset": f"{a.home}/evil"}), _files("mnist", name="../x", url="ADDRESS")(a)),
        BUILDS[:1]),
    "environment variables": (lambda a: a.config(run_name="${oc.env:HOME}", data_dir="${oc.env:HOME}"), READS[:1]),
    "results to a server": (_server, ("evaluate", "plot", "resume", "runs sync")),
    "results to another store": (_other_store, ("evaluate", "runs sync")),
    "a store that writes elsewhere": (_store, ("evaluate", "runs sync")),
    "outputs elsewhere": (
        lambda a: (a.config(output_dir=f"{a.home}/elsewhere"),
                   a.config(tracking={"enabled": True, "uri": None, "experiment": "x"}), a.status(state="killed")),
        ("resume",)),
    "a log that is a link": (lambda a: a.link("run.log", a.victim), (*WRITES, "load")),
    "a lock that is a link": (lambda a: a.link(".lock", a.victim), ("resume", "runs sync")),
    "pictures that are a link": (lambda a: a.link("figures", a.home), WRITES),
    "a checkpoint that is a link": (lambda a: a.link("checkpoint", a.home), ("evaluate", "resume")),
    "an export that is a link": (lambda a: a.link("export", a.home), ("export",)),
    "a pipe": (lambda a: (os.unlink(a.run / "run.log"), os.mkfifo(a.run / "run.log")), ("evaluate", "resume")),
    "code in the decoder": (_h5, DECODES),
    "a module in the decoder": (_h5_module, DECODES[:1]),
    "code in the encoder": (lambda a: _h5(a, "encoder.h5"), ("export",)),
    "no decoder": (lambda a: (a.run / "decoder.h5").write_bytes(b""), DECODES),
    "pickles in the codes": (lambda a: a.pickled("codes.npz"), ("compare",)),
    "pickles in the checkpoint": (
        lambda a: [a.pickled(p.relative_to(a.run)) for p in a.run.glob("checkpoint/*/*.npz")], ("evaluate", "resume")),
    "a formula that is code": (
        lambda a: (a.config(expect={"x": {"value": f"__import__('os').system('touch {a.canary}')", "at_most": 1}}),
                   a.status(state="killed")), ("resume",)),
    "a formula without end": (
        lambda a: (a.config(expect={"x": {"value": "(" * 2000 + "9", "at_most": 1}}), a.status(state="killed")),
        ("resume",)),
    "a status that is a list": (lambda a: a.json("status.json", []), READS),
    "a status of other types": (lambda a: a.status(chosen=["x"], started="now", epochs={}), READS),
    "options that are no texts": (lambda a: a.status(chosen={"model": {"a": 1}, "dataset": 3}), READS),
    "numbers that are none": (lambda a: a.json("metrics.json", {"test/elbo": 3, "x": {"value": "<b>"}}), READS[1:3]),
    "numbers without end": (
        lambda a: a.json("metrics.json", '{"test/elbo": {"value": 1' + "0" * 400 + "}}"), READS[1:3]),
    "a history of infinities": (
        lambda a: ((a.run / "history.csv").write_text("epoch,train/loss\ninf,1\n"), a.status(epochs=None)),
        READS[1:2]),
    "settings of other types": (
        lambda a: a.config(seed="x", beta=[1], latent_dim="two", trainer={"epochs": "all"}, backend="os"), READS[:1]),
    "a backend of theirs": (lambda a: a.config(backend="bomb"), READS[:1]),
    "escape sequences": (
        lambda a: (a.config(run_name="\x1b[2J\x9b31m\u202eexe", extra_key="x"), a.status(
            run_name="\x1b]0;title\x07", state="done\x1b[2J", message="\x1b[2J", chosen={"model": "\x1b[31m"}),
            a.json("metrics.json", {"test/\x1b[2J": {"value": 1.0, "se": None, "data": "\x1b[2J", "split": "test"}})),
        READS),
}  # fmt: skip
CASES = [
    pytest.param(name, command, id=f"{command}: {name}", marks=pytest.mark.slow if n or k % 2 else ())
    for k, (name, (_, commands)) in enumerate(ATTACKS.items())
    for n, command in enumerate(commands)
]


def attempt(command: str, attack: Attack) -> int:
    """The exit code of a command on the attacked run."""
    run, again = f"run={attack.run}", attack.home / "again"
    words = {
        "evaluate": ["evaluate", run, "metric=[elbo]"],
        "plot": ["plot", run, "plot=[samples]"],
        "resume": ["resume", run, "trainer.epochs=3"],
        "reproduce": ["reproduce", run, f"output_dir={again}"],
        "explore": ["explore", run, f"explore.file={again}/x.html", "explorer.thumbnails=false", "explorer.points=20"],
        "generate": ["generate", run, "n=1"],
        "export": ["export", run, "format=h5"],
        "compare": ["compare", f"run=[{attack.run},{attack.run}]"],
        "runs": ["runs", f"output_dir={attack.run.parents[1]}"],
        "runs sync": ["runs", "sync=true", f"output_dir={attack.run.parents[1]}"],
    }
    if command == "runs sync":
        settings = yaml.safe_load((attack.run / "config.yaml").read_text())["tracking"]
        attack.config(tracking={**settings, "enabled": True})
        attack.status(mlflow_delivered=False)
    if command in words:
        return cli.main(words[command])
    try:
        opened = vaelab.load(attack.run)
        return 0 if (repr(opened), opened.metrics, opened.history, opened.view) else 1
    except VaelabError as error:
        print(error)
        return error.exit_code


@pytest.fixture
def attack(digits_run, tmp_path, monkeypatch, watched):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    monkeypatch.setattr(download, "_transfer", _nothing_there)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Attack(digits_run, tmp_path, watched[0])


def _nothing_there(address, part, progress):
    assert "127.0.0.1" not in address, "an address of the run's"
    raise OSError("no network in this test")


@pytest.mark.parametrize("name,command", CASES)
def test_a_strange_run_does_nothing(name, command, attack, capfd, watched):
    ATTACKS[name][0](attack)
    outside = {p for p in attack.home.rglob("*") if not p.is_relative_to(attack.run.parents[1])}
    seen = len(watched[1])
    code = attempt(command, attack)
    told = "".join(capfd.readouterr())
    assert not attack.canary.exists() and attack.victim.read_text() == "mine"
    assert "Traceback" not in told and "\x1b" not in told and "\u202e" not in told and code in (0, 1, 2)
    assert len(watched[1]) == seen, "it was sent somewhere"
    new = {p for p in attack.home.rglob("*") if not p.is_relative_to(attack.run.parents[1])} - outside
    assert {p.relative_to(attack.home).parts[0] for p in new} <= {"cache", "outputs", "again", "__pycache__"}


# -- what is shown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\rb", "\x07", "\x9b31m", "\u202eabc", "\ud800", "\x00", "\x7f"], ids=ascii
)
def test_what_moves_a_terminal_is_spelled_out(text):
    for told in (visible(text), str(ConfigError(text)), str(RunError(text)), str(DataError(text))):
        assert told.isprintable() and told.encode() and told != text
    assert visible("Größe\n\t日本語 ± ✓") == "Größe\n\t日本語 ± ✓"


SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>$\\bad{$'


def _strange_sweep(base: Path) -> SweepFolder:
    """A sweep with markup wherever a text or number can stand."""
    sweep, jobs = SweepFolder(base / "sweeps" / "strange"), {}
    for n, beta in enumerate((1.0, 4.0)):
        name = f"job{n}{IMAGE.replace('/', '')}"
        folder = run_folder(sweep.path / name, beta=beta, seed=0, model={"_target_": "x", SCRIPT: f"{IMAGE}{n}"})
        chosen = {"dataset": SCRIPT, "model": f"{IMAGE}{n}", "objective": SCRIPT, SCRIPT: f"x{n}"}
        folder.update_status(chosen=chosen, message=SCRIPT, state=f"failed{SCRIPT}" if n else "done")
        metrics = folder.read_metrics()
        for score in metrics.values():
            score["data"] = SCRIPT
        folder.add_metrics(metrics | {f"test/elbo{SCRIPT}": {"value": 1.0, "se": None, "n": 3}})
        with np.load(folder.tiles_file) as stored:
            arrays = dict(stored) | {"class_names": np.array([SCRIPT, "\x1b[2J", IMAGE] * 4)}
        folder.save_tiles(arrays)
        jobs[name] = {"overrides": [f"run_name={SCRIPT}"], "number": n}
    sweep.update_record(command=f"vaelab train {SCRIPT}", jobs=jobs)
    return sweep


def test_nothing_of_a_sweep_is_markup(tmp_path):
    sweep = _strange_sweep(tmp_path)
    write(sweep)
    page = sweep.html_file.read_text()
    assert page.count("&lt;script&gt;") > 8
    assert "<script>alert" not in page and "<img src=x" not in page and "\x1b" not in page
    own = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)  # one, which the policy knows by its digest
    digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
    assert len(own) == page.count("<script") == 1 and f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize("key", ["epochs", "weights_epoch", "train_seconds", "parameters", "started"])
def test_numbers_of_a_job_that_are_texts_are_refused(key, tmp_path, capsys):
    sweep = _strange_sweep(tmp_path)
    RunFolder(sweep.jobs()[0].path).update_status(**{key: SCRIPT})
    write(sweep)
    assert f"{key} is the str" in capsys.readouterr().err and "<script>alert" not in sweep.html_file.read_text()


@pytest.mark.parametrize(
    "jobs", [{"../../x": {}}, {"/etc": {}}, {"..": {}}, {"": {}}, ["x"], {"a": 3}, {"a": {"overrides": [3]}}], ids=str
)  # fmt: skip
def test_jobs_lie_in_their_sweep(jobs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sweep = SweepFolder(tmp_path / "outputs" / "sweeps" / "s")
    sweep.path.mkdir(parents=True)
    (sweep.path / sweep.RECORD).write_text(json.dumps({"jobs": jobs}))
    assert cli.main(["report", f"sweep={sweep.path}"]) == 2
    assert "sweep.json" in capsys.readouterr().err and not sweep.html_file.exists()


@pytest.mark.parametrize("name", ["report.html", "report.csv", "report", "job/run.log"])
def test_a_report_is_not_written_through_a_link(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("mine")
    sweep = SweepFolder(tmp_path / "outputs" / "sweeps" / "s")
    run_folder(sweep.path / "job")
    sweep.update_record(jobs={"job": {}})
    (sweep.path / name).symlink_to(tmp_path / "victim" / ("" if name == "report" else "file"))
    assert cli.main(["report", "sweep=s"]) == 2
    assert "leads out of the folder" in capsys.readouterr().err
    assert (tmp_path / "victim" / "file").read_text() == "mine" and len(list((tmp_path / "victim").iterdir())) == 1
