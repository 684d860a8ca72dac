"""Every option in conf/ keeps the contract: it is documented, complete, its settings are its signature's."""

import itertools

import pytest
import yaml

from vaelab.config import compose, locate, schema, signature

CONF = locate.conf_dir()
OPTIONS = sorted(
    (path.parent.name, path.stem)
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("base", "experiment", "sweep")
)
PARTS = [(g, o) for g, o in OPTIONS if g not in schema.CLOSED]
SHARED = set(schema.IMAGE_OPTIONS)


def content(group, option):
    return yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("group,option", OPTIONS)
def test_every_option_says_what_it_is(group, option):
    lines = (CONF / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if "@package" not in line)
    assert first.startswith("# ") and len(first) > 20


@pytest.mark.parametrize("group,option", PARTS)
def test_yaml_keys_are_the_signature(group, option):
    found = content(group, option)
    accepted = signature.settings(found["_target_"])
    assert accepted is not None, f"no {found['_target_']}"
    keys = {k for k in found if not k.startswith("_") and k != "defaults"} - (SHARED if group == "dataset" else set())
    assert set(accepted) - schema.RUNTIME <= keys <= set(accepted)


@pytest.mark.parametrize("group,option", PARTS)
def test_settings_have_no_second_default_in_python(group, option):
    import ast

    module, _, name = content(group, option)["_target_"].rpartition(".")
    tree = ast.parse(signature.module_file(module).read_text())
    for node in tree.body:
        functions = [node] if isinstance(node, ast.FunctionDef) and node.name == name else []
        if isinstance(node, ast.ClassDef) and node.name == name:
            functions = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
        for function in functions:
            given = [a.arg for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults) if d is not None]
            assert set(given) <= schema.RUNTIME, f"{name}: {given} have defaults in Python too"


@pytest.mark.parametrize("group,option", [(g, o) for g, o in OPTIONS if g in ("model", "likelihood", "dataset")])
def test_every_option_composes_into_a_checked_job(group, option):
    compose.compose("train", [f"{group}={option}"])


def test_every_primary_config_composes():
    for path in CONF.glob("*.yaml"):
        compose.compose(path.stem, [])


@pytest.mark.slow
def test_models_and_datasets_are_independent_axes():
    models, datasets = locate.options("model"), ["digits", "mnist"]
    for model, dataset in itertools.product(models, datasets):
        compose.compose("train", [f"model={model}", f"dataset={dataset}"])
