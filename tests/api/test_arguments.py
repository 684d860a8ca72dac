"""Python arguments become the words a user would type."""

from pathlib import Path

import numpy as np
import pytest
from support import jobs_of

from vaelab.api.arguments import overrides_of
from vaelab.config import locate, typed
from vaelab.errors import ConfigError

VALUES = {
    "beta": (4, "beta=4"),
    "trainer.learning_rate": (1e-5, "trainer.learning_rate=1e-05"),
    "run_name": ("null", "run_name='null'"),
    "data_dir": (Path("/a b"), "data_dir='/a b'"),
    "optimize": (None, "optimize=null"),
    "trainer.progress": (False, "trainer.progress=false"),
    "model.hidden_dims": ([512, 256], "model.hidden_dims=[512,256]"),
    "metric": ("elbo", "metric=[elbo]"),
    "plot": ([], "plot=[]"),
    "seed": (np.int64(3), "seed=3"),
    "latent_dim": (np.float32(0.5), "latent_dim=0.5"),
    "trusted": (("a", "b"), "trusted=[a,b]"),
}


@pytest.mark.parametrize("key", VALUES)
def test_a_value_is_written_as_it_would_be_typed_and_read_back(key):
    value, word = VALUES[key]
    overrides, folders = overrides_of("train", (), {key: value})
    assert overrides == [word] and folders == []
    (read,) = typed.parse(overrides)
    wanted = [value] if key == "metric" else list(value) if isinstance(value, tuple) else value
    assert read.value() == (str(wanted) if isinstance(wanted, Path) else wanted)


def test_a_mapping_holds_settings_of_a_part():
    overrides, _ = overrides_of("train", ("model=dense",), {"trainer": {"epochs": 3, "batch_size": 64}})
    assert overrides == ["model=dense", "trainer.epochs=3", "trainer.batch_size=64"]


def test_a_list_of_a_sweep_is_one_job_per_entry():
    settings = {"beta": [0.5, 1], "seed": range(2), "model": {"hidden_dims": [[8], [4, 2]]}, "metric": ["elbo", "nll"]}
    overrides, _ = overrides_of("train", ("model=dense",), settings, swept=True)
    assert overrides[1:] == ["beta=0.5,1", "seed=0,1", "model.hidden_dims=[8],[4,2]", "metric=[elbo,nll]"]
    assert len(jobs_of(overrides)) == 8


def test_folders_of_options_are_taken_out(tmp_path):
    words, folders = overrides_of("train", ("--config-dir=a", "beta=1"), {"config_dir": tmp_path})
    assert words == ["beta=1"] and folders == [tmp_path, "a"]


@pytest.mark.parametrize(
    "word, sentence",
    {
        "dense": "'dense' is not of the form key=value",
        "-m": r"vaelab\.sweep",
        "--cfg": "expected one of job",
        3: "expected words",
        "beta 4": "Type beta=4",
    }.items(),
)
def test_what_is_no_word_is_refused(word, sentence):
    with pytest.raises(ConfigError, match=sentence):
        overrides_of("train", (word,), {})


def test_configuration_folders_hold_for_one_call(tmp_path):
    before = locate.user_dirs()
    with pytest.raises(ValueError), locate.config_dirs(tmp_path):
        assert (tmp_path,) == locate.user_dirs()
        raise ValueError
    assert before == locate.user_dirs()
    with pytest.raises(ConfigError, match="expected a folder"), locate.config_dirs([tmp_path / "no"]):
        pass
    assert before == locate.user_dirs()
