import os
from typing import Annotated, Any, Literal

import pytest
import yaml

from vaelab.config import locate, signature
from vaelab.config.compose import compose
from vaelab.errors import ConfigError

POSITIVE = Annotated[int, "greater than 0"]


@pytest.mark.parametrize(
    "value,annotation,fits",
    [
        (3, int, True), (3.0, int, False), (True, int, False), (3, float, True), (float("nan"), float, False),
        (float("inf"), float, False), ("3", int, False), (True, bool, True), (1, bool, False), (None, int | None, True),
        (0, POSITIVE, False), (1, POSITIVE, True), ([1, 2], list[POSITIVE], True), ([1, 0], list[POSITIVE], False),
        (3, POSITIVE | list[POSITIVE], True), ("max", Literal["max", "none"], True), ("min", Literal["max"], False),
    ],
)  # fmt: skip
def test_fits(value, annotation, fits):
    assert signature.fits(value, annotation) is fits


def test_settings_are_read_without_importing():
    found = signature.settings("vaelab.models.conv_v2.ConvV2")
    assert found["pool"] == Literal["max", "average", "none"]
    assert signature.settings("vaelab.models.conv_v2.Nothing") is None
    assert signature.settings("vaelab.nothing.Nothing") is None


def test_describe():
    assert signature.describe(POSITIVE | None) == "an integer greater than 0 or null"


OPTIONS = [(group, option) for group in locate.groups() for option in locate.options(group)]


@pytest.mark.parametrize("group,option", OPTIONS)
def test_every_setting_of_every_part_has_an_annotation_that_is_checked(group, option):
    content = yaml.safe_load(locate.option_file(group, option).read_text(encoding="utf-8")) or {}
    if "_target_" not in content:
        return
    found = signature.settings(content["_target_"])
    settings = {key: found[key] for key in content if key in found}
    assert [k for k, a in settings.items() if a is Any or isinstance(a, signature.Unreadable)] == []
    wrong = object()
    assert [k for k, a in settings.items() if signature.fits(wrong, a)] == []


MINE = """
class Net:
    def __init__(self, *, layers: Sequence[int], width: "int", depth: Optional[int], name, size: Annotated[int, "odd"]):
        pass
"""


def test_an_annotation_that_cannot_be_read_is_said_and_no_value_fits_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_annotated.py").write_text(MINE)
    found = signature.settings("mine_annotated.Net")
    assert found["width"] is int and found["depth"] == int | None and found["name"] is Any
    assert found["layers"] == signature.Unreadable("Sequence[int]")
    assert found["size"] == signature.Unreadable("Annotated[int, 'odd']")
    (tmp_path / "model").mkdir()
    node = "layers: [1]\nwidth: 2\ndepth: null\nname: a\nsize: 1\n"
    (tmp_path / "model" / "net.yaml").write_text(f"_target_: mine_annotated.Net\n{node}")
    with locate.config_dirs([tmp_path]), pytest.raises(ConfigError) as error:
        compose("train", ["model=net", "trusted=[mine_annotated]"])
    assert str(error.value).splitlines()[0].startswith("model.layers: its annotation Sequence[int] cannot be checked.")
    assert len(str(error.value).splitlines()) == 2


def test_a_changed_source_is_read_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for n, kind in enumerate(("int", "float")):
        (tmp_path / "mine_changing.py").write_text(f"def part(n: {kind}): ...")
        os.utime(tmp_path / "mine_changing.py", (n, n))
        assert signature.settings("mine_changing.part")["n"].__name__ == kind
