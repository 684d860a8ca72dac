from typing import Annotated, Literal

import pytest

from vaelab.config import signature

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
