"""Imports point down: who may import whom inside vaelab (docs/design.md has the drawing)."""

import ast
import importlib
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vaelab"
# The floors, from the ground up. A part imports itself and floors below its own; parts of one floor are strangers.
FLOORS = (
    {"errors"},
    {"contracts"},
    {"config"},
    {"compute", "system"},
    {"datasets", "schedules", "models", "priors", "conditions", "posteriors", "likelihoods", "objectives"},
    {"structures"},
    {"training", "view", "records"},
    {"scores"},
    {"build", "metrics", "plots", "explorer", "report"},
    {"jobs"},
    {"sweeps"},
    {"commands"},
    {"dispatch", "api"},
    {"cli"},
    {"__main__", "__init__"},
)
# What a part may not import although it lies below.
APART = {
    "metrics": {"structures", "training", "records", "system.printing"},
    "plots": {"structures", "training", "records"},
    "scores": {"structures", "training", "records", "view"},
    "explorer": {"structures", "training"},
    "report": {"structures", "training", "view"},
    "records": {"structures", "datasets"},
    "view": {"structures"},
    "training": {"structures"},
}
HEAVY = {"keras", "tensorflow", "mlflow", "sklearn", "matplotlib", "jax", "torch"}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        if "vendor" not in path.parts:
            yield path, ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path):
    """Names below vaelab that a module imports, as far as they are modules or packages: "config.check"."""
    for name in imports(path):
        parts = name.split(".")[1:]
        if name.startswith("vaelab.") and (
            PACKAGE.joinpath(*parts).is_dir() or PACKAGE.joinpath(*parts).with_suffix(".py").is_file()
        ):
            yield ".".join(parts)


def floor_of(part):
    return next((n for n, floor in enumerate(FLOORS) if part in floor), None)


def test_every_part_has_a_floor():
    parts = {module.partition(".")[0] for _, module in modules()}
    assert {part for part in parts if floor_of(part) is None} == set()


@pytest.mark.parametrize("path,module", modules(), ids=[m for _, m in modules()])
def test_imports_point_down(path, module):
    part = module.partition(".")[0]
    for name in own(path):
        other = name.partition(".")[0]
        assert other == part or floor_of(other) < floor_of(part), f"{module} imports {name}, which is not below it"
        assert other not in APART.get(part, ()) and name not in APART.get(part, ()), f"{module} imports {name}"


def test_no_circles_among_modules():
    graph = {module.removesuffix(".__init__"): set(own(path)) - {module} for path, module in modules()}
    done, trail = set(), []

    def visit(module):
        assert module not in trail, f"circle: {' -> '.join([*trail[trail.index(module) :], module])}"
        if module in done or module not in graph:
            return
        trail.append(module)
        for other in graph[module]:
            visit(other)
        trail.pop()
        done.add(module)

    for module in graph:
        visit(module)


def test_a_room_has_more_than_one_file():
    assert all(len(list(folder.glob("*.py"))) > 1 for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file())
    assert len(list(pairwise(FLOORS))) > 5


def test_only_tracking_knows_mlflow():
    knowing = {m for path, m in modules() if any(n.partition(".")[0] == "mlflow" for n in imports(path))}
    assert knowing <= {"records.tracking"}


def test_keras_stops_at_the_view():
    for path, module in modules():
        if (
            module.partition(".")[0] in {"metrics", "plots", "scores", "report", "records", "config", "cli", "dispatch"}
            and module != "records.run_folder"
        ):
            used = {n.partition(".")[0] for n in imports(path)} & {"keras", "tensorflow", "jax", "torch"}
            assert not used, f"{module} imports {used}"


def test_cli_and_config_import_nothing_heavy():
    for path, module in modules():
        if module in ("cli", "dispatch") or module.startswith("config"):
            used = {n.partition(".")[0] for n in imports(path)} & HEAVY
            assert not used, f"{module} imports {used}"


@pytest.mark.parametrize("folder", ["experiments", "benchmarks"])
def test_scripts_beside_the_package_import_what_there_is(folder):
    files = (PACKAGE.parent / folder).rglob("*.py")
    for path in sorted(f for f in files if ".cache" not in f.parts):  # other programs' environments
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "vaelab":
                module = importlib.import_module(node.module)
                gone = [a.name for a in node.names if not hasattr(module, a.name) and not _module(node.module, a.name)]
                assert not gone, f"{path.name} imports {gone} of {node.module}"


def _module(package, name):
    return (PACKAGE.parent / package.replace(".", "/") / f"{name}.py").is_file()
