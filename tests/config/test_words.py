"""Printed commands, taken apart again by a shell and by Hydra."""

import importlib.metadata
import json
import random
import shlex
import sys
from types import SimpleNamespace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from vaelab.config import words

PARSER = OverridesParser.create()
FIXED = [
    "outputs/a/b",
    "Größe x",
    "it's",
    "a\\",
    "null",
    "true",
    "007",
    "1e3",
    "nan",
    "a=b",
    "[x]",
    "{x:1}",
    "#",
    "a,b",
]
SIGNS = "ab'\"\\ é=,[](){}#:*?ß~|\t!&;<>%@+.-/0"
rng = random.Random(0)
DRAWN = ["".join(rng.choice(SIGNS) for _ in range(rng.randint(1, 9))) for _ in range(300)]


@pytest.mark.parametrize("value", [*FIXED, *DRAWN])
def test_a_setting_survives_shell_and_hydra(value):
    typed = words.setting("run", value)
    assert shlex.split(words.pasteable("explore", typed)) == ["explore", typed]
    assert PARSER.parse_override(typed).value() == value


def test_plain_words_stay_plain():
    assert words.pasteable(words.setting("run", "outputs/x"), "plot=[traversal]") == "run=outputs/x plot=[traversal]"
    assert words.setting("output_dir", "Größe x") == "output_dir='Größe x'"


def test_later_words_win():
    assert words.merged(["a=1", "+b=2", "--config-dir=x"], ["b=3"]) == ["a=1", "--config-dir=x", "b=3"]


def test_the_program_is_named_as_it_can_be_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("python", "vaelab"):
        (tmp_path / ".venv/bin" / name).touch(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert words.program() == ".venv/bin/vaelab"
    monkeypatch.setenv("PATH", str(tmp_path / ".venv/bin"))
    assert words.program() == "vaelab"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/vaelab").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "other"))  # another vaelab is not this one
    assert words.program() == ".venv/bin/vaelab"
    (tmp_path / ".venv/bin/vaelab").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert words.program() == ".venv/bin/python -m vaelab"


@pytest.mark.parametrize(
    "url,typed",
    [
        ("file://HERE", "uvx --from . vaelab"),
        ("file:///else%20where", "uvx --from '/else where' vaelab"),
        ("https://host/vaelab.whl", "uvx --from https://host/vaelab.whl vaelab"),
        (None, "uvx vaelab"),
    ],
)
def test_what_uvx_ran_is_typed_with_uvx_again(url, typed, tmp_path, monkeypatch):
    """The environment in uv's cache is on the path for that one command alone."""
    told = None if url is None else json.dumps({"url": url.replace("HERE", str(tmp_path)), "dir_info": {}})
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: SimpleNamespace(read_text=lambda file: told))
    monkeypatch.setattr(sys, "prefix", "/home/me/.cache/uv/archive-v0/1mQv")
    monkeypatch.setenv("UV", "/usr/bin/uv")
    monkeypatch.chdir(tmp_path)
    assert words.program() == typed


def test_a_path_is_told_where_the_folder_one_is_in_is_gone(tmp_path, monkeypatch):
    here = tmp_path / "gone"
    here.mkdir()
    monkeypatch.chdir(here)
    assert words.from_here(here / "run") == "run"
    here.rmdir()
    assert words.from_here(tmp_path / "run") == str(tmp_path / "run")
