import pytest

from vaelab.config import formula
from vaelab.errors import ConfigError


def test_arithmetic_over_names():
    names = {"distortion": 100.0, "rate": 10.0, "beta": 0.5}
    assert formula.value("(distortion + beta * rate) / 105", names) == 1.0
    assert formula.value("-rate ** 2", names) == -100.0
    assert formula.value(3, names) == 3.0


@pytest.mark.parametrize("good", ["(a - b) ** 0.5", "1 / (b - a - 1)", "-a / (a + +b) ** 2"])
def test_what_has_a_value_for_some_numbers_is_a_formula(good):
    formula.parsed(good)
    assert formula.value(good, {"a": 9.0, "b": 5.0}) == pytest.approx(eval(good, {"a": 9.0, "b": 5.0}))


@pytest.mark.parametrize("formula_,reason", [("(a - b) ** 0.5", "root of a negative"), ("1 / (b - a - 1)", "division")])
def test_a_formula_without_a_value_is_an_error(formula_, reason):
    with pytest.raises(ConfigError, match=reason):
        formula.value(formula_, {"a": 1.0, "b": 2.0})


@pytest.mark.parametrize("bad", ["__import__('os')", "rate.real", "[1][0]", "nothing + 1", "1 +", "lambda: 1"])
def test_nothing_else_is_evaluated(bad):
    with pytest.raises(ConfigError):
        formula.value(bad, {"rate": 1.0})
