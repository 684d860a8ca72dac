"""Run folders of other versions: settings that are younger than the run, and settings that are gone."""

import copy
import functools

import hydra
import pytest
from omegaconf import OmegaConf

from vaelab.config import locate
from vaelab.config.compose import _hydra, compose
from vaelab.config.older import MEANT, migrated
from vaelab.errors import RunError

WHERE = "outputs/run/config.yaml"
CHOSEN = {"model": "deconv_caltech", "dataset": "digits", "trainer": "quick"}


@pytest.fixture
def stored():
    words = ["model=deconv_caltech", "trainer=quick", "metric=[elbo,nll]", "plot=[tsne]"]
    return OmegaConf.to_container(compose("train", words), resolve=True)


def test_a_run_of_today_is_left_as_it_is(stored):
    assert migrated(stored, CHOSEN, WHERE) == (stored, None)


@pytest.mark.parametrize("words", [["structure=conjoint"], ["dataset=mnist"], ["objective=avb", "posterior=implicit"]])
def test_every_kind_of_run_is_complete(words):
    cfg = OmegaConf.to_container(compose("train", words), resolve=True)
    assert migrated(cfg, {}, WHERE) == (cfg, None)


def test_missing_settings_get_the_defaults_of_the_chosen_options_and_are_named(stored):
    old = copy.deepcopy(stored)
    for gone in ("metric_every", "plot_every", "optimize", "capacity_schedule"):
        del old[gone]
    del old["model"]["dense_dim"], old["trainer"]["beta_1"], old["metrics"]["nll"]["widen"]
    cfg, note = migrated(old, CHOSEN, WHERE)
    assert cfg == stored
    dense = stored["model"]["dense_dim"]
    for words in ("optimize=null", "capacity_schedule=constant", f"model.dense_dim={dense}", "trainer.beta_1=null"):
        assert words in note
    assert note.startswith(WHERE)
    assert "metric" not in note and "plot_every" not in note, "what changes no result is not worth a word"
    assert "metric_every" not in old, "what was read is not changed"


def test_without_a_record_of_options_one_of_the_same_target_serves(stored):
    del stored["model"]["dense_dim"]
    cfg, note = migrated(stored, {}, WHERE)
    assert "model.dense_dim" in note and cfg["model"]["dense_dim"] is not None


@pytest.mark.parametrize(
    "change,words",
    [
        (lambda c: c["model"].update(dense_dims=3), "model.dense_dims is no setting.*dense_dim"),
        (lambda c: c["trainer"].update(warp=3), "trainer.warp is no setting"),
        (lambda c: c["model"].update(_target_="vaelab.models.gone.Gone"), "this vaelab does not have"),
    ],
)
def test_what_this_version_does_not_know_is_refused_in_a_sentence(stored, change, words):
    change(stored)
    with pytest.raises(RunError, match=words) as error:
        migrated(stored, CHOSEN, WHERE)
    assert "\n" not in str(error.value)


def test_a_users_own_part_is_taken_as_it_is(stored):
    stored["model"] = {"_target_": "mypackage.Net", "size": 3}
    assert migrated(stored, {}, WHERE)[0]["model"] == stored["model"]


# -- every setting of every option, one at a time ----------------------------------------------------------------------

# what an option needs beside it: groups that go together
BESIDE = {
    "structure=conjoint": ["dataset=conjoint_synthetic"], "posterior=implicit": ["objective=avb"],
    "objective=m2": ["condition=label"],
    "objective=avb": ["posterior=implicit"], "objective=avb_ac": ["posterior=implicit"],
}  # fmt: skip
NODES = {"metric": "metrics", "plot": "plots"}
QUICK = ("explorer", "trainer", "posterior", "structure", "tracking", "likelihood")


def every_option():
    for group in locate.groups():
        if group not in ("hydra", "experiment", "sweep", "score"):  # scores are no part of a run
            for option in locate.options(group):
                yield f"{group}={option}"


@functools.cache
def composed(choice):
    """(configuration, {group: option}) with one option chosen, as Hydra composes it."""
    group, _, option = choice.partition("=")
    word = f"{group}=[{option}]" if group in NODES else choice
    with _hydra():
        full = hydra.compose("train", [word, *BESIDE.get(choice, [])], return_hydra_config=True)
        chosen = OmegaConf.to_container(full.hydra.runtime.choices)
        plain = OmegaConf.to_container(OmegaConf.masked_copy(full, [k for k in full if k != "hydra"]), resolve=True)
    return plain, {k: v for k, v in chosen.items() if "/" not in k and isinstance(v, str)}


@pytest.mark.parametrize(
    "choice",
    [c if c.partition("=")[0] in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in every_option()],
)
def test_a_run_without_any_one_setting_of_an_option_gets_the_value_that_the_option_has(choice):
    cfg, chosen = composed(choice)
    group, _, option = choice.partition("=")
    path = [NODES[group], option] if group in NODES else [group]
    node = functools.reduce(dict.__getitem__, path, cfg)
    for name in [*node, None]:
        old = copy.deepcopy(cfg)
        above = functools.reduce(dict.__getitem__, path[:-1] if name is None else path, old)
        if name == "_target_" or (name is None and group in NODES):
            continue
        del above[path[-1] if name is None else name]
        found = migrated(old, chosen, WHERE)[0]
        if (setting := ".".join([*path, str(name)])) in MEANT:
            assert functools.reduce(dict.__getitem__, path, found)[name] == MEANT[setting]
        else:
            assert found == cfg, name


@pytest.mark.parametrize("key", list(composed("dataset=digits")[0]))
@pytest.mark.parametrize("choice", ["dataset=digits", "structure=conjoint", "explorer=none"])
def test_a_run_without_a_node_or_a_setting_above_the_nodes(choice, key):
    cfg, chosen = composed(choice)
    old = {k: v for k, v in cfg.items() if k != key}
    cfg = {**cfg, "data_dir": None} if key == "data_dir" else cfg  # another machine's
    cfg = {**cfg, key: locate.beside(key)} if key in NODES.values() else cfg  # none chosen
    assert migrated(old, chosen, WHERE)[0] == cfg


def test_a_node_that_does_not_say_what_it_is_is_refused_in_a_sentence(stored):
    del stored["model"]["_target_"]
    with pytest.raises(RunError, match="model does not say what it is"):
        migrated(stored, {}, WHERE)


def test_static_pixels_stay_those_of_the_seed_of_their_run():
    """Before `binarize_seed` they were drawn from the run's seed; today's default would be other pixels."""
    stored, chosen = composed("dataset=mnist")
    stored["dataset"]["binarize"] = "static"
    del stored["dataset"]["binarize_seed"]
    found, note = migrated(stored, chosen, WHERE)
    assert found["dataset"]["binarize_seed"] is None and note is None


def test_a_younger_setting_that_says_what_was_meant_is_not_worth_a_word(stored):
    old = {k: v for k, v in stored.items() if k != "prior"}
    assert migrated(old, CHOSEN, WHERE) == (stored, None)
