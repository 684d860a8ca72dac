"""What a command must refuse before Keras is imported: outputs, addresses, coordinates, what a run lacks."""

import json
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from parts import config

from vaelab import cli
from vaelab.errors import ConfigError
from vaelab.records.run_folder import RunFolder

HEAVY = ("keras", "tensorflow", "jax", "torch")
GOES_ON = "needs tensorflow"  # what a command says here that found nothing to refuse


class Away:
    """Finds no heavy package."""

    def find_spec(self, name, path=None, target=None):
        if name in HEAVY:
            raise ImportError(f"{name} is away")


@pytest.fixture(scope="module")
def stored():
    """Configuration of a run on the digits with two latents."""
    return config("model=dense", "plot=[]", "explorer=none")


@pytest.fixture
def run(stored, tmp_path, monkeypatch):
    """A finished run as far as commands look before they load it; importing Keras from here on fails."""
    folder = RunFolder(tmp_path / "outputs/digits-dense-vae/one")
    folder.path.mkdir(parents=True)
    (folder.path / "config.yaml").write_text(yaml.safe_dump(stored))
    chosen = {"dataset": "digits", "model": "dense", "objective": "vae"}
    folder.update_status(state="done", run_name="one", chosen=chosen, weights_epoch=1, latent_dim=2)
    rng = np.random.default_rng(0)
    arrays = {}
    for split in ("train", "test"):
        for key, shape in (("mean", (20, 2)), ("z", (20, 2)), ("distortion", 20), ("rate", 20)):
            arrays[f"{split}_{key}"] = rng.standard_normal(shape).astype(np.float32)
        arrays |= {f"{split}_std": np.ones((20, 2), np.float32), f"{split}_y": np.arange(20) % 10}
    folder.save_codes(arrays)
    for which in ("encoder", "decoder", "vae"):
        folder.model_file(which).write_bytes(which.encode())
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in HEAVY:  # even where another test of this process has imported it
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Away(), *sys.meta_path])
    return folder


def refused(words, capsys, root) -> str:
    """The sentence of a command line that is refused and leaves nothing."""
    before = sorted(root.rglob("*"))
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err and "Errno" not in told.err and told.err.startswith("vaelab: ")
    assert sorted(root.rglob("*")) == before
    return told.err


PLACES = ["folder", "file/x", "file/a/b", "/proc/x", "/proc/self/x/y", "/sys/x", "/dev/null", "''", "'~nobody_/x'"]
WRITING = ["generate n=2 output=", "explore explore.file=", "export to=", "runs csv=", "data show output="]
FINE = {"export to=folder"}


@pytest.mark.parametrize("words", sorted({f"{command}{place}" for command in WRITING for place in PLACES} - FINE))
def test_a_place_that_cannot_be_written(words, run, capsys, tmp_path):
    key = words.split()[-1].partition("=")[0]
    told = refused([*words.split(), *([] if words.startswith(("data", "runs")) else ["run=one"])], capsys, tmp_path)
    assert key in told and (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("command", ["generate n=2 output={}.png", "explore explore.file={}.html", "export to={}"])
def test_a_place_with_its_right_ending_below_a_file_or_in_proc(command, run, capsys, tmp_path):
    for place in ("file/x", "/proc/x"):
        assert "cannot be written" in refused([*command.format(place).split(), "run=one"], capsys, tmp_path)


def test_the_run_s_figures_that_are_a_file(run, capsys, tmp_path):
    (run.path / "figures").write_text("")
    for words in (["plot", "plot=[samples]"], ["generate", "n=2"]):
        assert "figures" in refused([*words, "run=one"], capsys, tmp_path)


@pytest.mark.parametrize(
    "z,told",
    [
        ("[[1,2],3]", "got both"),
        ("[3,[1,2]]", "got both"),
        ("[]", "at least one coordinate"),
        ("[[]]", "at least one coordinate"),
        ("[a]", "finite numbers"),
        ("[nan,1]", "finite numbers"),
        ("[inf,1]", "finite numbers"),
        ("[[1,2],[nan,1]]", "finite numbers"),
        ("[true,1]", "finite numbers"),
        ("[null,1]", "finite numbers"),
        ("[{a:1},1]", "finite numbers"),
        ("[1e50,2]", "float32"),
        ("nan", "z: expected"),
        ("5", "z: expected"),
        ("null", "n=<how many draws>"),
    ],
)
def test_coordinates_that_are_none(z, told, run, capsys, tmp_path):
    assert told in refused(["generate", "run=one", f"z={z}"], capsys, tmp_path)


@pytest.mark.parametrize("key", ["format", "models"])
@pytest.mark.parametrize("value", ["5", "[]", "null", "[5]", "[[keras]]", "kerass", "true", "1.5"])
def test_models_and_formats_that_are_none(key, value, run, capsys, tmp_path):
    assert f"{key}: expected" in refused(["export", "run=one", f"{key}={value}"], capsys, tmp_path)


def test_a_format_named_twice_is_written_once():
    from vaelab.commands.export import SUFFIXES, chosen

    assert chosen("format", ["keras", "h5", "keras"], SUFFIXES) == ["keras", "h5"]


@pytest.mark.parametrize("command", ["explore run=one open=false", "ui"])
@pytest.mark.parametrize(
    "word,told",
    [
        ("port=70000", "0 to 65535"),
        ("port=-1", "expected an integer"),
        ("port=abc", "expected an integer"),
        ("port=1.5", "expected an integer"),
        ("host=192.0.2.7", "no address of this machine"),
        ("host='not a host'", "no address of this machine"),
        ("host=''", "expected a text"),
        ("host=5", "host"),
    ],
)
def test_addresses_that_are_none(command, word, told, run, capsys, tmp_path):
    (tmp_path / "outputs/mlflow.db").write_bytes(b"")
    assert told in refused([*command.split(), word], capsys, tmp_path)


@pytest.mark.parametrize(
    "words,told",
    [
        ("plot plot=[training_animation]", "kept none"),
        ("plot plot=[manifold_3d]", "needs three latents"),
        ("plot plot=[manifold] plots.manifold.dims=[0,5]", "latents 0 to 1, got 5"),
        ("plot plot=[manifold] plots.manifold.dims=[0,0]", "must differ"),
        ("plot plot=[manifold] plots.manifold.dims=[0]", "expected 2 latents"),
        ("plot plot=[traversal] plots.traversal.latents=[7]", "latents 0 to 1, got 7"),
        ("plot plot=[latent_card] plots.latent_card.latents=[-1]", "latents 0 to 1, got -1"),
        ("plot plot=[latent_scatter] plots.latent_scatter.dims=[0,1,2,3]", "one to three"),
        ("evaluate metric=[mig]", "generative factors"),
        ("evaluate metric=[elbo,dci]", "generative factors"),
        ("evaluate metric=[sap,nll]", "generative factors"),
        ("evaluate metric=[silhouette] metrics.silhouette.label=tag_1", "there is no 'tag_1'"),
        ("evaluate metric=[linear_probe] metrics.linear_probe.label=shape", "there is no 'shape'"),
    ],
)
def test_what_a_run_lacks_is_told_before_keras_is_imported(words, told, run, capsys, tmp_path):
    assert told in refused([*words.split(), "run=one"], capsys, tmp_path)


def test_a_run_with_more_latents_than_a_plane_is_told_which_carry_most(run, capsys, tmp_path):
    rng = np.random.default_rng(0)
    spread = np.array([0.1, 2.0, 0.2, 3.0])
    arrays = {"test_mean": spread * rng.standard_normal((50, 4)), "test_std": np.full((50, 4), 0.1)}
    run.save_codes(arrays | {"test_rate": np.ones(50), "test_distortion": np.ones(50)})
    assert "dims=[1,3]" in refused(["plot", "run=one", "plot=[manifold]"], capsys, tmp_path)


@pytest.mark.parametrize("metric", ["rate_per_latent", "mutual_information", "total_correlation"])
def test_a_posterior_without_closed_form(metric, run, capsys, tmp_path):
    run.save_codes({"test_mean": np.ones((5, 2)), "test_rate_critic": np.ones(5), "test_distortion": np.ones(5)})
    assert "closed-form" in refused(["evaluate", "run=one", f"metric=[{metric}]"], capsys, tmp_path)


@pytest.mark.parametrize("damage", [None, b"", b"PK damaged"])
def test_what_is_not_stored_is_no_obstacle(damage, run, capsys):
    """Without codes nothing is known: the command goes on to where Keras is imported."""
    run.codes_file.unlink()
    if damage is not None:
        run.codes_file.write_bytes(damage)
    assert cli.main(["evaluate", "run=one", "metric=[mig]"]) == 2
    assert GOES_ON in capsys.readouterr().err


def test_every_part_s_needs_take_its_settings():
    from support import ROOT

    from vaelab.config import trust
    from vaelab.jobs.results import check
    from vaelab.jobs.stored import stored_view

    found = 0
    for path in [*(ROOT / "conf/plot").glob("*.yaml"), *(ROOT / "conf/metric").glob("*.yaml")]:
        content = yaml.safe_load(path.read_text())
        node = next((v for v in [content, *content.values()] if isinstance(v, dict) and "_target_" in v), None)
        kind = path.parent.name
        if node and hasattr(trust.load(node["_target_"], kind), "needs"):
            found += 1
            with suppress(ConfigError):  # a setting that `needs` does not take is a TypeError
                check(stored_view(RunFolder("/nowhere")), {path.stem: node}, kind, trusted=())
    assert found > 12


def critic(run, **metrics):
    (run.path / "metrics.json").write_text(json.dumps({k: {"value": v} for k, v in metrics.items()}))


def test_a_critic_s_estimate_has_a_column_of_its_own(run, capsys):
    critic(run, **{"test/elbo": -90.0})
    assert cli.main(["runs"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert "elbo" in head and "elbo_critic" not in head and "-90.00" in row
    critic(run, **{"test/elbo_critic": -70.0})
    assert cli.main(["runs", "csv=t.csv"]) == 0
    head, row = (line.split(",") for line in Path("t.csv").read_text().splitlines())
    found = dict(zip(head, row))
    assert found["elbo"] == "" and float(found["elbo_critic"]) == -70


def test_derived_latents_are_listed_and_filtered_by(run, capsys, stored):
    (run.path / "config.yaml").write_text(yaml.safe_dump(stored | {"latent_dim": None}))
    run.update_status(latent_dim=6)
    assert cli.main(["runs", "latent_dim=6", "columns=[latent_dim]"]) == 0
    assert capsys.readouterr().out.split() == ["latent_dim", "6"]


# -- the run's own page ------------------------------------------------------------------------------------------------


@pytest.fixture
def settings():
    from omegaconf import OmegaConf

    from vaelab.config.compose import compose

    return OmegaConf.to_container(compose("explore", []).explorer, resolve=True)


def with_page(run, settings):
    from vaelab.explorer.build import page
    from vaelab.explorer.content import Content
    from vaelab.jobs.page import fingerprint

    none = np.zeros((0, 2), np.float32)
    shown = Content({"title": "a", "run": "run=old", "n": 1}, *[none] * 7, golden={})
    mark = fingerprint(run, dict(settings, enabled=False))  # not about the page
    run.explorer_file.write_bytes(page(shown, {}, decoder={"kind": "page"}, fingerprint=mark))


def test_a_current_page_is_copied_without_keras(run, settings, capsys, tmp_path):
    with_page(run, settings)
    assert cli.main(["explore", "run=one", "explore.file='new ö/out.html'"]) == 0
    copied = (tmp_path / "new ö/out.html").read_text()
    assert '"run": "run=outputs/digits-dense-vae/one", "n": 1' in copied  # as the run is called from here


@pytest.mark.parametrize(
    "change", ["settings", "decoder", "encoder", "name", "epoch", "data", "page", "no mark", "script"]
)
def test_a_page_of_something_else_is_made_anew(change, run, settings, capsys):
    with_page(run, settings)
    words = ["explore", "run=one", "explore.file=out.html"]
    if change == "settings":
        words.append("explorer.points=7")
    elif change in ("decoder", "encoder"):
        run.model_file(change).write_bytes(b"other")
    elif change == "name":
        run.update_status(run_name="two")
        words[1] = "run=two"
    elif change == "epoch":
        run.update_status(weights_epoch=2)
    elif change == "data":
        run.update_status(tags={"data.checksum": "1"})
    elif change == "script":  # somebody else's, before the policy that would not let it run
        run.explorer_file.write_text(f"<script>alert(1)</script>{run.explorer_file.read_text()}")
    else:
        run.explorer_file.unlink()
        if change == "no mark":
            run.explorer_file.write_text("<html>")
    assert cli.main(words) == 2
    assert GOES_ON in capsys.readouterr().err
