import pytest

from vaelab.config import formula
from vaelab.errors import ConfigError


def test_arithmetic_over_names():
    names = {"distortion": 100.0, "rate": 10.0, "beta": 0.5}
    assert formula.value("(distortion + beta * rate) / 105", names) == 1.0
    assert formula.value("-rate ** 2", names) == -100.0
    assert formula.value(3, names) == 3.0


@pytest.mark.parametrize("bad", ["__import__('os')", "rate.real", "[1][0]", "nothing + 1", "1 +", "lambda: 1"])
def test_nothing_else_is_evaluated(bad):
    with pytest.raises(ConfigError):
        formula.value(bad, {"rate": 1.0})
