"""Run folders of other versions: settings that are younger than the run, and settings that are gone."""

import copy

import pytest
from omegaconf import OmegaConf

from vaelab.config.compose import compose
from vaelab.config.older import completed
from vaelab.errors import RunError

WHERE = "outputs/run/config.yaml"
CHOSEN = {"model": "deconv_caltech", "dataset": "digits", "trainer": "quick"}


@pytest.fixture
def stored():
    words = ["model=deconv_caltech", "trainer=quick", "metric=[elbo,nll]", "plot=[tsne]"]
    return OmegaConf.to_container(compose("train", words), resolve=True)


def test_a_run_of_today_is_left_as_it_is(stored):
    assert completed(stored, CHOSEN, WHERE) == (stored, None)


@pytest.mark.parametrize("words", [["structure=conjoint"], ["dataset=mnist"], ["objective=avb", "posterior=implicit"]])
def test_every_kind_of_run_is_complete(words):
    cfg = OmegaConf.to_container(compose("train", words), resolve=True)
    assert completed(cfg, {}, WHERE) == (cfg, None)


def test_missing_settings_get_the_defaults_of_the_chosen_options_and_are_named(stored):
    old = copy.deepcopy(stored)
    for gone in ("metric_every", "plot_every", "optimize", "capacity_schedule"):
        del old[gone]
    del old["model"]["dense_dim"], old["trainer"]["beta_1"], old["metrics"]["nll"]["widen"]
    cfg, note = completed(old, CHOSEN, WHERE)
    assert cfg == stored
    dense = stored["model"]["dense_dim"]
    for words in ("optimize=null", "capacity_schedule=constant", f"model.dense_dim={dense}", "trainer.beta_1=null"):
        assert words in note
    assert note.startswith(WHERE)
    assert "metric" not in note and "plot_every" not in note, "what changes no result is not worth a word"
    assert "metric_every" not in old, "what was read is not changed"


def test_without_a_record_of_options_one_of_the_same_target_serves(stored):
    del stored["model"]["dense_dim"]
    cfg, note = completed(stored, {}, WHERE)
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
        completed(stored, CHOSEN, WHERE)
    assert "\n" not in str(error.value)


def test_a_users_own_part_is_taken_as_it_is(stored):
    stored["model"] = {"_target_": "mypackage.Net", "size": 3}
    assert completed(stored, {}, WHERE)[0]["model"] == stored["model"]
