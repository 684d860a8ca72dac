"""`run.explore().selection`: rows that the page's frame sent, or what to install."""

import sys

import numpy as np
import pytest

from vaelab.api.pictures import Page
from vaelab.errors import ConfigError


@pytest.fixture
def page(tmp_path):
    (tmp_path / "e.html").write_text("<p>a page</p>", encoding="utf-8")
    return Page(tmp_path / "e.html", height=500, embed=True)


def test_rows_of_the_frame_are_the_selection(page):
    pytest.importorskip("anywidget", reason='pip install "vaelab[notebook]"')
    assert page.selection.shape == (0,) and page.selection.dtype == int
    page._widget.rows = [3, 1, 40]
    assert np.array_equal(page.selection, [3, 1, 40])
    assert page._widget.page == "<p>a page</p>" and page._widget.height == 500
    data, _ = page._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}


def test_without_anywidget_the_page_is_shown_and_what_to_install_is_said(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = page._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"} and 'srcdoc="&lt;p&gt;a page' in shown["text/html"]
    with pytest.raises(ConfigError, match=r'anywidget: pip install "vaelab\[notebook\]"'):
        page.selection  # noqa: B018
