from hypothesis import given, settings
from hypothesis import strategies as st

from vaelab.config.flat import flat
from vaelab.config.folders import hashed
from vaelab.records.tracking import flattened

NAME = st.text("abc_", min_size=1, max_size=4)
NESTED = st.recursive(
    st.integers() | st.none() | st.lists(st.integers()), lambda n: st.dictionaries(NAME, n), max_leaves=12
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAME, NESTED))
def test_every_setting_is_found_by_its_dotted_name(nested):
    for name, value in flat(nested):
        node = nested
        for part in name.split("."):
            node = node[part]
        assert node == value and not isinstance(value, dict)


def test_what_is_hashed_and_what_mlflow_gets():
    cfg = {"beta": 4, "quiet": True, "data_dir": "/x", "model": {"_target_": "a.B", "filters": 64, "data_dir": 1},
           "trainer": {"threads": 2, "epochs": 3}, "expect": {"loss": {"value": "a"}}, "metrics": {"elbo": {"n": 1}},
           "dataset": {"files": [1], "sha256": "x", "limit": None, "n": 5}}  # fmt: skip
    assert hashed(cfg) == {
        "beta": 4, "model._target_": "a.B", "model.filters": 64, "model.data_dir": 1, "trainer.epochs": 3,
        "dataset.files": [1], "dataset.sha256": "x", "dataset.limit": None, "dataset.n": 5,
    }  # fmt: skip
    assert flattened(cfg) == {
        "beta": 4, "quiet": True, "data_dir": "/x", "model.filters": 64, "model.data_dir": 1, "trainer.threads": 2,
        "trainer.epochs": 3, "dataset.n": 5,
    }  # fmt: skip
