import re
from pathlib import Path

import vaelab.explorer
from vaelab.system.palette import PALETTE


def test_the_explorers_page_has_the_colours_of_the_pictures():
    """Its black and its grey are fitted to the page."""
    text = (Path(vaelab.explorer.__file__).parent / "page" / "theme.js").read_text()
    page = re.findall(r"#\w{6}", re.search(r"LIGHT = (.*);", text)[1])
    assert len(page) == len(PALETTE)
    assert [k for k, (a, b) in enumerate(zip(page, PALETTE)) if a != b] == [PALETTE.index("#000000"), len(PALETTE) - 1]
