"""Arithmetic over measured numbers, as recipes write it: "(distortion + beta * rate) / 784"."""

import ast
import operator
from typing import Any

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
        found = _value(parsed(formula), names)
    except (ZeroDivisionError, OverflowError) as error:
        raise ConfigError(f"expect: '{formula}' has no value: {error}.") from None
    if isinstance(found, complex):
        raise ConfigError(f"expect: '{formula}' has no value: a root of a negative number.")
    return float(found)


def parsed(formula: str) -> ast.expr:
    """The formula's syntax tree.

    Raises:
        ConfigError: `value` could not read it, whatever is measured.
    """
    try:
        tree = ast.parse(str(formula), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"expect: '{str(formula)[:60]}' is no formula.") from None
    _check(tree)
    return tree


def _check(node):
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    operation = isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in _OPERATORS
    if not (number or operation or isinstance(node, ast.Name)):
        raise ConfigError(
            f"expect: '{ast.unparse(node)}' is not allowed in a formula; use + - * / ** and measured names."
        )
    for operand in ast.iter_child_nodes(node) if operation else ():
        if isinstance(operand, ast.expr):
            _check(operand)


def _value(node: Any, names):
    if isinstance(node, ast.Constant):
        number: Any = node.value  # `_check` has let nothing else pass
        return float(number)  # 9**9**9**9 of integers would never end
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise ConfigError(f"expect: '{node.id}' was not measured; there are {', '.join(sorted(names))}.")
        return names[node.id]
    operands = (node.operand,) if isinstance(node, ast.UnaryOp) else (node.left, node.right)
    return _OPERATORS[type(node.op)](*(_value(operand, names) for operand in operands))
