"""Recipes compose, judge by their expect: block, and run in a quick form; a run is repeated byte for byte."""

import json
import re

import numpy as np
import pytest
import yaml
from support import BARE, ROOT, rest_slow, vaelab

from vaelab.commands import reproduce
from vaelab.config import compose
from vaelab.errors import ConfigError
from vaelab.records.run_folder import RunFolder

RECIPES = sorted(p.stem for p in (ROOT / "conf/experiment").glob("*.yaml"))


@pytest.mark.parametrize("name", rest_slow(RECIPES, 10))
def test_every_recipe_composes_and_expects(name):
    cfg = compose.compose("train", [f"experiment={name}"])
    assert cfg.expect, f"{name} expects nothing"
    header = (ROOT / f"conf/experiment/{name}.yaml").read_text().splitlines()
    assert header[0] == "# @package _global_"
    assert any(f"experiment={name}" in line for line in header if line.startswith("#"))


def test_verdicts():
    expect = {
        "low": {"value": "a", "at_most": 2, "published": 1.5},
        "high": {"value": "a + 1", "at_least": 4},
        "near": {"value": "a", "published": 1.9, "within": 0.2},
    }
    verdicts = {v["name"]: v for v in reproduce.judge(expect, {"a": 2.0})}
    assert verdicts["low"]["passed"] and verdicts["low"]["margin"] == 0
    assert not verdicts["high"]["passed"] and verdicts["high"]["margin"] == -1
    assert verdicts["near"]["margin"] == pytest.approx(0.1)
    assert "FAIL" in reproduce.table(list(verdicts.values()))


@pytest.mark.parametrize(
    "entry,line",
    [
        ({"at_most": 2}, "expected value: <formula> and one of at_most, at_least, within"),
        ({"value": "elbo"}, "expected value: <formula> and one of at_most, at_least, within"),
        ({"value": "elbo", "at_most": 2, "within": 1}, "one of at_most, at_least, within"),
        ({"value": "elbo", "within": 1}, "within needs published"),
        ({"value": "elbo", "within": 1, "publishd": 2}, "publishd is not a setting. Did you mean 'published'?"),
        ({"value": "elbo", "at_most": "two"}, "expect.loss.at_most: expected a number, got 'two'"),
        ({"value": "elbo +", "at_most": 2}, "'elbo +' is no formula"),
        ({"value": "abs(elbo)", "at_most": 2}, "is not allowed in a formula"),
        (3, "expected value: <formula>"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_training(entry, line):
    with pytest.raises(ConfigError, match=re.escape(line)):
        reproduce.check_expectations({"loss": entry})


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_what_recipes_expect_can_be_judged(name):
    reproduce.check_expectations(dict(compose.compose("train", [f"experiment={name}"]).expect))


@pytest.mark.slow
def test_a_recipe_that_fails_exits_1(tmp_path):
    recipe = {
        "defaults": [{"override /model": "dense"}, {"override /trainer": "quick"}],
        "expect": {"elbo": {"value": "elbo", "at_least": 0.0}, "rate": {"value": "rate", "at_least": 0.0}},
    }
    (tmp_path / "mine/experiment").mkdir(parents=True)
    text = "# @package _global_\n" + yaml.safe_dump(recipe)
    (tmp_path / "mine/experiment/hard.yaml").write_text(text)
    words = ["reproduce", "--config-dir", "mine", "experiment=hard", *BARE]
    done = vaelab(*words, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("FAIL") == 1 and done.stdout.count("PASS") == 1
    (verdict,) = tmp_path.glob("outputs/*/*/verdict.json")
    assert [v["passed"] for v in json.loads(verdict.read_text())] == [False, True]


def test_an_unfinished_run_is_no_measure_of_its_repetition(own_run):
    cwd, run = own_run
    folder, before = RunFolder(cwd / run), RunFolder(cwd / run).status()["state"]
    folder.update_status(state="interrupted")
    try:
        done = vaelab("reproduce", f"run={run}", cwd=cwd, check=False)
    finally:
        folder.update_status(state=before)
    assert done.returncode == 2 and "is interrupted: only a finished run" in done.stderr and "FAIL" not in done.stdout


@pytest.mark.slow
def test_a_run_is_repeated_byte_for_byte(own_run):
    cwd, run = own_run
    done = vaelab("reproduce", f"run={run}", cwd=cwd, fresh=True)
    assert "identical byte for byte; largest difference 0" in done.stdout and "PASS" in done.stdout


@pytest.mark.slow
def test_a_recipe_that_was_stopped_is_judged_when_resumed(own_run):
    """And a verdict does not outlive longer training, which is no longer the recipe."""
    cwd, run = own_run
    folder = RunFolder(cwd / run)
    expect = {"elbo": {"value": "elbo", "at_least": 0.0}}
    folder.write_config({**folder.read_config(), "expect": expect, "plots": {}, "metrics": {}})
    folder.update_status(state="interrupted")
    done = vaelab("resume", f"run={run}", cwd=cwd, check=False)
    assert done.returncode == 1 and "FAIL" in done.stdout and not folder.read_verdicts()[0]["passed"]
    epochs = folder.read_config()["trainer"]["epochs"] + 1
    done = vaelab("resume", f"run={run}", f"trainer.epochs={epochs}", cwd=cwd)
    assert "FAIL" not in done.stdout and folder.read_verdicts() == []


def test_reproduce_needs_something_to_expect(tmp_path):
    done = vaelab("reproduce", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "expected experiment=<recipe>" in done.stderr


QUICK = ["trainer.epochs=null", "trainer.steps=3", "plot=[]", "tracking=none", "explorer=none", "dataset.limit=300"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_quick_form_of_every_recipe(name, tmp_path, shared_data):
    """Three steps, then every figure the recipe expects is measured on the whole test split and judged."""
    words = [f"experiment={name}", *QUICK, f"data_dir={shared_data}"]
    if name.startswith("backgrounds"):
        words.append("metric=[elbo,knn_accuracy]")  # the transfer trains classifiers, and nothing is expected of it
    if name == "backgrounds_avb":  # an implicit posterior is drawn from again and again for every test image
        words.append("dataset.base=digits")
    recipe = compose.compose("train", [f"experiment={name}"])
    if "nll" in recipe.metrics:  # 5,000 samples of each image take an hour
        words.append("metrics.nll.images=20")
    if (recipe.dataset.validation or 0) > 1:  # images, not a share of them
        words += ["dataset.limit=1000", "dataset.validation=100"]
    done = vaelab("reproduce", *words, cwd=tmp_path, check=False)
    assert done.returncode in (0, 1), done.stderr
    (verdict,) = tmp_path.glob("outputs/*/*/verdict.json")
    assert [v["name"] for v in json.loads(verdict.read_text())] == list(recipe.expect)
    assert all(np.isfinite(v["measured"]) for v in json.loads(verdict.read_text()))
    assert "GeneratorDataset" not in done.stderr
