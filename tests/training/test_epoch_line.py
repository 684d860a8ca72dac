"""Epoch lines stay in their columns and within 80 characters, whatever is logged."""

import pytest

from vaelab.training.epoch_line import epoch_line

LOGS = {
    "a bound": {"loss": 25.1, "distortion": 24.0, "rate": 1.1, "val_loss": 26, "val_distortion": 25.5, "val_rate": 0.5},
    "large": {"loss": 1e6, "distortion": 12345.678, "rate": 1234.5, "val_distortion": 1e5, "val_rate": 1.0},
    "a critic": {"loss": 25.1, "distortion": 24.0, "rate_critic": -1.1, "critic_loss": 0.7, "val_loss": 26.0},
    "many": {f"a_term_called_{n}": 1.0 for n in range(9)} | {"val_a_term_called_0": 2.0},
    "no validation": {"loss": 1.0},
}


@pytest.mark.parametrize("name", LOGS)
def test_columns(name):
    first = epoch_line("1/100", LOGS[name], 0.5)
    last = epoch_line("100/100", {k: -10 * v for k, v in LOGS[name].items()}, 123.4)
    assert first[0] == last[0]  # the names are said once
    assert {len(line) for line in (*first, *last)} == {len(first[0])} and len(first[0]) <= 80
    names = first[0].split("  ")
    assert names[-1].strip() == "s" and ("val" in first[0]) == any(k.startswith("val_") for k in LOGS[name])


def test_the_elbo_is_said_where_there_is_one():
    header, line = epoch_line("1/9", LOGS["a bound"], 0.5)
    assert header.split() == ["epoch", "elbo", "distortion", "rate", "val", "elbo", "s"]
    assert line.split() == ["1/9", "-25.10", "24.00", "1.10", "-26.00", "0.5"]
    assert "elbo" not in epoch_line("1/9", LOGS["a critic"], 0.5)[0]
