"""The explorer's page as a notebook widget, which knows what is selected in it."""

from pathlib import Path


def framed(page: str, *, embedded: bool, height: int):
    """A widget with the page in a frame; its `rows` are those selected. None where anywidget is not installed.

    Args:
        page: the html, or where embedded is false the address of its file.
        height: in pixels.
    """
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class Frame(anywidget.AnyWidget):
        _esm = Path(__file__).with_name("widget.js")
        page = traitlets.Unicode().tag(sync=True)
        embedded = traitlets.Bool().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        rows = traitlets.List(traitlets.Int()).tag(sync=True)

    return Frame(page=page, embedded=embedded, height=height)
