"""The order of `vaelab runs`: by any column, datasets together."""

import pytest

from vaelab.errors import ConfigError
from vaelab.records import listing


def row(name, dataset, age, **facts):
    return dict.fromkeys(listing.COLUMNS) | {"run_name": name, "dataset": dataset, "age": age, "facts": facts}


ROWS = [
    row("a", "digits", 1, **{"test/rate": 3.0, "trainer.optimizer": "sgd"}), row("b", "mnist", 2, **{"test/rate": 1.0}),
    row("c", "digits", 3, **{"test/rate": 2.0, "trainer.optimizer": "adam"}), row("d", None, 4, **{"test/rate": None}),
]  # fmt: skip


@pytest.mark.parametrize(
    "column,n,names",
    [(None, None, "bacd"), ("test/rate", None, "dbca"), ("trainer.optimizer", None, "bdca"), ("run_name", 2, "cd"),
     ("age", 3, "bcd"), ("dataset", None, "dacb")],
)  # fmt: skip
def test_order(column, n, names):
    assert "".join(r["run_name"] for r in listing.in_order(ROWS, column, n)) == names


def test_a_column_that_no_run_has():
    with pytest.raises(ConfigError, match="Did you mean 'test/rate'"):
        listing.in_order(ROWS, "tst/rate")
