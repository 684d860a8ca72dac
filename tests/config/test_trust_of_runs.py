"""What a stored run may say of itself: values of the types that training writes, files of its dataset's option."""

import copy

import pytest
import yaml
from omegaconf import OmegaConf
from support import rest_slow

from vaelab.config import locate
from vaelab.config.check import check_stored
from vaelab.config.compose import compose
from vaelab.config.older import official_sources
from vaelab.errors import RunError

DATASETS = locate.options("dataset")
WITH_FILES = [d for d in DATASETS if "files:" in locate.option_file("dataset", d).read_text(encoding="utf-8")]
WORDS = [[], ["structure=conjoint"], ["objective=avb", "posterior=implicit"], ["dataset=mnist", "explorer=none"]]


def config(*words) -> dict:
    return OmegaConf.to_container(compose("train", list(words)), resolve=True)


@pytest.mark.parametrize("words", WORDS, ids=str)
def test_what_training_writes_is_taken(words):
    check_stored(config(*words), "here")


@pytest.mark.parametrize("option", DATASETS)
def test_a_run_of_today_has_the_files_of_its_option(option):
    node = config(f"dataset={option}")["dataset"]
    assert official_sources(node, option, "here")[1] is None
    official, note = official_sources(node, None, "here")  # without a record of options
    assert note is None and all(node[key] == value for key, value in official.items())


@pytest.mark.parametrize(
    "key", rest_slow(["seed", "run_name", "data_dir", "trusted", "beta", "latent_dim", "optimize", "backend"], 4)
)
@pytest.mark.parametrize("value", [{"a": 1}, [["x"]], float("nan")], ids=str)
def test_values_of_other_types_are_refused_in_a_sentence(key, value):
    cfg = config() | {key: value}
    with pytest.raises(RunError, match=f"here is not as vaelab wrote it: {key}: expected") as error:
        check_stored(cfg, "here")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "where", ["trainer.epochs", "model.filters", "dataset.limit", "metrics.elbo.split", "explorer.points"]
)
def test_settings_of_parts_too(where):
    cfg = config("dataset=mnist")
    *path, last = where.split(".")
    node = cfg
    for key in path:
        node = node[key]
    node[last] = {"_target_": "os.system"}
    with pytest.raises(RunError, match=where.replace(".", r"\.")):
        check_stored(cfg, "here")


@pytest.mark.parametrize("option", rest_slow(WITH_FILES, 2))
@pytest.mark.parametrize("key", ["url", "mirror", "sha256", "md5", "member"])
def test_addresses_and_checksums_are_those_of_the_option(option, key):
    node = config(f"dataset={option}")["dataset"]
    today = copy.deepcopy(node["files"])
    node["files"][0][key] = "http://elsewhere/x"
    official, note = official_sources(node, option, "here")
    assert official["files"] == today and "dataset.files" in note


@pytest.mark.parametrize("name", ["../x", "/etc/x", "x", ""])
def test_files_that_the_option_does_not_have_are_refused(name):
    node = config("dataset=mnist")["dataset"]
    node["files"].append({"name": name, "url": "http://elsewhere/x", "sha256": None})
    with pytest.raises(RunError, match=r"no file of this dataset.*--config-dir"):
        official_sources(node, "mnist", "here")


def test_a_dataset_of_the_users_has_the_files_of_its_option(tmp_path):
    files = [{"name": "mine.npy", "url": "http://mine/mine.npy", "sha256": None}]
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.yaml").write_text(yaml.safe_dump({"_target_": "mine.data.load", "files": files}))
    node = {"_target_": "mine.data.load", "files": [{"name": "mine.npy", "url": "http://elsewhere/x", "sha256": None}]}
    with pytest.raises(RunError, match="--config-dir"):
        official_sources(node, "mine", "here")
    with locate.config_dirs([tmp_path]):
        assert official_sources(node, "mine", "here")[0] == {"files": files}
    assert official_sources({"_target_": "mine.data.load", "n": 3}, "mine", "here") == ({}, None)


@pytest.mark.parametrize("option", ["../model/dense", "/etc/passwd", "..", "", None, 3, "a/b"], ids=repr)
def test_an_option_is_a_name(option):
    assert locate.option_file("dataset", option) is None
