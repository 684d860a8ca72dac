"""The colours of classes, seen by eyes that lack one kind of cone."""

import json
import re

import numpy as np
import pytest

from vaelab.explorer.build import _own
from vaelab.report.pictures import class_colours
from vaelab.system.palette import PALETTE, PALETTE_ON_DARK

# Machado, Oliveira & Fernandes (2009), table 1, severity 1: linear RGB to linear RGB.
SEEN = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(colours, seen="normal"):
    """CIELAB (N, 3), white D65, of "#RRGGBB" as an eye sees them."""
    rgb = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = np.clip(linear @ np.array(SEEN[seen]).T, 0, 1) @ XYZ.T / XYZ.sum(axis=1)
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one, other):
    """Sharma, Wu & Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * np.sqrt(c7 / (c7 + 25.0**7))
    c1, c2 = np.hypot(g * a1, b1), np.hypot(g * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, g * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    middle, c, h = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + turn / 2) % 360
    cos = lambda degrees: np.cos(np.radians(degrees))  # noqa: E731
    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63)
    light = (l2 - l1) / (1 + 0.015 * (middle - 50) ** 2 / np.sqrt(20 + (middle - 50) ** 2))
    chroma = (c2 - c1) / (1 + 0.045 * c)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * c * t)
    bent = 2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    return np.sqrt(light**2 + chroma**2 + hue**2 - bent * chroma * hue)


def test_the_distance_is_the_published_one():
    pairs = np.array([
        [[50, 2.6772, -79.7751], [50, 0, -82.7485]], [[50, 2.5, 0], [58, 24, 15]],
        [[2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514]],
    ])  # fmt: skip
    assert ciede2000(pairs[:, 0], pairs[:, 1]) == pytest.approx([2.0425, 19.4535, 0.9082], abs=1e-4)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("colours,least", [(PALETTE, 12.9), (PALETTE_ON_DARK, 11.0)], ids=["on white", "on dark"])
def test_ten_classes_stay_apart_for_every_eye(seen, colours, least):
    found = lab(colours, seen)
    apart = ciede2000(found[:, None], found[None])[np.triu_indices(10, 1)]
    assert len(colours) == 10 and apart.min() >= least


def test_colours_stand_out_from_their_page():
    assert lab(PALETTE)[:, 0].max() < 82 and lab(PALETTE_ON_DARK)[:, 0].min() > 44


def test_the_report_and_the_explorers_page_have_the_colours_of_the_pictures():
    assert class_colours(12) == [*PALETTE, *PALETTE[:2]]
    found = re.search(r"^const LIGHT = (.*), DARK = (.*);$", _own("page")[0], re.MULTILINE)
    assert [json.loads(text) for text in found.groups()] == [list(PALETTE), list(PALETTE_ON_DARK)]
