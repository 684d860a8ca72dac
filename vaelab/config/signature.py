"""What a `_target_` accepts, read from its source: nothing is imported to check a configuration."""

import ast
import re
import sys
import types
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional, Union, get_args, get_origin

from vaelab.config import locate
from vaelab.config import types as ranges
from vaelab.errors import ConfigError

_IN_RANGE = {
    "greater than 0": lambda v: v > 0,
    "0 or greater": lambda v: v >= 0,
    "from 30 to 600": lambda v: 30 <= v <= 600,
    "2 or greater": lambda v: v >= 2,
    "250 or greater": lambda v: v >= 250,
    "between 0 and 1": lambda v: 0 <= v <= 1,
    "with minutes, as in 5min": lambda v: re.fullmatch(r"(?=.*[1-9])\d{1,9}(\.\d+)?\s*min", v) is not None,
    "that is not empty": lambda v: len(v) > 0,
    "that can name a folder": lambda v: v not in (".", "..") and not set(v) & {"/", "\\"} and len(v.encode()) < 200,
    "such as val/loss, or -val/elbo to maximise": lambda v: re.fullmatch(r"-?(train|val)/\w+", v) is not None,
}
_NAMES = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "dict": dict, "tuple": tuple}
_NAMES |= {"Literal": Literal, "Annotated": Annotated, "Optional": Optional, "Union": Union, "Any": Any, "None": None}
_NAMES |= {n: getattr(ranges, n) for n in dir(ranges) if not n.startswith("_")}


def module_file(module: str) -> Path | None:
    """The source file of a module, looked up by path in the order in which `trust.load` would import it."""
    parts = module.split(".")
    own = parts[0] == "vaelab"
    roots = [locate.PACKAGE.parent] if own else [*(Path(p or ".") for p in sys.path), *locate.own_roots()]
    for root in roots:
        base = root.joinpath(*parts)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def settings(target: str) -> dict[str, Any] | None:
    """{setting: annotation} of the class or function a dotted name points to; None where there is none.

    Raises:
        ConfigError: its file cannot be read as Python.
    """
    module, _, name = target.rpartition(".")
    path = module_file(module)
    return None if path is None else _read_settings(path, path.stat().st_mtime_ns, name)


@cache
def _read_settings(path: Path, changed: int, name: str) -> dict[str, Any] | None:
    """As `settings`, of a name in a file as it was last changed."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise ConfigError(f"{path}{line} is not valid Python: {getattr(error, 'msg', error)}.") from None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            init = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
            return _arguments(init[0]) if init else {}
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _arguments(node)
    return None


def _arguments(function: ast.FunctionDef) -> dict[str, Any]:
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {a.arg: _annotation(a.annotation) for a in found}


class Unreadable(NamedTuple):
    """An annotation of which nothing is known but its text: no value fits it."""

    text: str


def _annotation(node: ast.expr | None) -> Any:
    """The annotation as a typing object: Any where there is none, `Unreadable` where it is not made of `_NAMES`."""
    if node is None:
        return Any
    try:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        found = eval(compile(ast.Expression(node), "<annotation>", "eval"), {"__builtins__": {}}, _NAMES)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return Unreadable(ast.unparse(node))
    return found if _readable(found) else Unreadable(ast.unparse(node))


def _readable(annotation: Any) -> bool:
    """Whether `fits` and `describe` know what to do with it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _readable(args[0]) and args[1] in _IN_RANGE
    if origin in (Union, types.UnionType, list, tuple, dict):
        return all(_readable(a) for a in args if a is not ...)
    return annotation in (None, type(None), Any, int, float, bool, str, list, dict, tuple)


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value from yaml may be given where the annotation stands. 1 is a float, 1.0 is not an int."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if annotation is None or annotation is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, a) for a in args)
    if origin is Annotated:
        return fits(value, args[0]) and _IN_RANGE[args[1]](value)
    if origin is Literal:
        return any(value == a and isinstance(value, type(a)) for a in args)
    if origin in (list, tuple) or annotation in (list, tuple):
        return isinstance(value, (list, tuple)) and all(fits(v, args[0]) for v in value if args)
    if origin is dict or annotation is dict:
        return isinstance(value, dict)
    if annotation is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max  # neither nan nor inf, nor an integer beyond them
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if annotation is str:
        return isinstance(value, str) and value.strip() != ""
    return isinstance(value, annotation)


def describe(annotation: Any) -> str:
    """The annotation in words: "an integer greater than 0", "one of max, average, none"."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(a) for a in args)
    if origin is Annotated:
        return f"{describe(args[0])} {args[1]}"
    if origin is Literal:
        return "one of " + ", ".join(map(str, args))
    if origin in (list, tuple):
        return "a list" if args[0] is Any else f"a list (each {describe(args[0])})"
    if origin is dict:
        return "a mapping"
    words = {int: "an integer", float: "a number", bool: "true or false", str: "a text", None: "null"}
    words |= {type(None): "null", dict: "a mapping", list: "a list", tuple: "a list", Any: "anything"}
    return words.get(annotation, str(annotation))
