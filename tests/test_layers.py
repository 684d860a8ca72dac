"""Imports point down: who may import whom inside vaelab (DESIGN: cli -> commands -> {...} -> view -> structures)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vaelab"
SIBLINGS = {"training", "metrics", "plots", "explorer", "runs", "tracking", "report"}
AXES = {"models", "posteriors", "likelihoods", "objectives"}
# what each part may import besides itself; parts not listed may import anything below commands
BASE = {"errors", "seeds", "config", "memory"}
ALLOWED = {
    "errors": set(),
    "memory": {"errors"},
    "paths": {"errors"},
    "address": {"errors"},
    "seeds": set(),
    "config": {"errors"},
    "datasets": BASE,
    "noise": BASE,
    "schedules": BASE,
    **{axis: BASE | {"noise"} for axis in AXES},
    "structures": BASE | {"noise"},
    "preprocessing": BASE | {"noise"},
    "vae": BASE | {"noise", "compiled"},
    "compiled": BASE,
    "view": BASE | {"compiled", "datasets"},
    "projections": BASE | {"folder"},
    "transfer": BASE | {"datasets"},
    "training": BASE | {"noise", "backend", "signals"},
    "metrics": BASE | {"projections", "transfer"},
    "plots": BASE | {"projections", "transfer"},
    "explorer": BASE | {"projections", "folder"},
    "folder": BASE,
    "signals": BASE,
    "printing": BASE,
    "runs": BASE | {"folder", "printing"},
    "sweep_folder": BASE | {"folder", "runs"},
    "tracking": BASE | {"runs", "sweep_folder"},
    "report": BASE | {"runs", "sweep_folder", "folder"},
}
HEAVY = {"keras", "tensorflow", "mlflow", "sklearn", "matplotlib", "jax", "torch"}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path,module", modules(), ids=[m for _, m in modules()])
def test_imports_point_down(path, module):
    part = module.partition(".")[0]
    if part not in ALLOWED:
        return
    seen = {name.split(".")[1] for name in imports(path) if name.startswith("vaelab.") and name.count(".")}
    parts = {p.stem if p.suffix else p.name for p in PACKAGE.iterdir()}
    assert (seen & parts) - ALLOWED[part] - {part} == set()


def test_only_tracking_and_the_server_command_know_mlflow():
    knowing = {m for path, m in modules() if any(n.partition(".")[0] == "mlflow" for n in imports(path))}
    assert knowing <= {"tracking"}


def test_keras_stops_at_the_view():
    for path, module in modules():
        if module.partition(".")[0] in {"metrics", "plots", "report", "projections", "tracking", "config", "cli"}:
            used = {n.partition(".")[0] for n in imports(path)} & {"keras", "tensorflow", "jax", "torch"}
            assert not used, f"{module} imports {used}"


def test_cli_and_config_import_nothing_heavy():
    for path, module in modules():
        if module == "cli" or module.startswith("config"):
            used = {n.partition(".")[0] for n in imports(path)} & HEAVY
            assert not used, f"{module} imports {used}"
