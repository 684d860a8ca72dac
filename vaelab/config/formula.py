"""Arithmetic over measured numbers, as recipes write it: "(distortion + beta * rate) / 784"."""

import ast
import operator

from vaelab.errors import ConfigError

_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip


def value(formula: str, names: dict[str, float]) -> float:
    """The formula's value; + - * / ** and brackets over numbers and names, nothing else.

    Raises:
        ConfigError: another construct, or a name that was not measured.
    """
    try:
        return float(_value(ast.parse(str(formula), mode="eval").body, names))
    except SyntaxError:
        raise ConfigError(f"expect: '{formula}' is no formula.") from None
    except (ZeroDivisionError, OverflowError) as error:
        raise ConfigError(f"expect: '{formula}' has no value: {error}.") from None


def check(formula: str) -> None:
    """ConfigError where `value` could not read the formula, whatever is measured."""
    try:
        names = {node.id for node in ast.walk(ast.parse(str(formula), mode="eval")) if isinstance(node, ast.Name)}
    except SyntaxError:
        names = ()
    value(formula, {name: 1.5 + k for k, name in enumerate(sorted(names))})


def _value(node, names):
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise ConfigError(f"expect: '{node.id}' was not measured; there are {', '.join(sorted(names))}.")
        return names[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.operand, names))
    raise ConfigError(f"expect: '{ast.unparse(node)}' is not allowed in a formula; use + - * / ** and measured names.")
