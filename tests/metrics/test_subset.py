import numpy as np

from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset


def test_all_rows_without_a_word(code_view):
    view = code_view(np.zeros((30, 2)))
    for images in (None, 30, 99):
        rows, note = subset(view, "test", images)
        assert list(rows) == list(range(30)) and note is None


def test_fewer_are_among_more_and_named(code_view):
    view = code_view(np.zeros((1000, 2)))
    (few, note), (many, _) = subset(view, "test", 10), subset(view, "test", 100)
    assert set(few) < set(many) and len(few) == 10 and (np.diff(few) > 0).all()
    assert note == "10 of 1,000 test images, drawn at random"


def test_streams_differ_by_metric_and_split(code_view):
    view = code_view(np.zeros((5, 2)))
    draws = {stream(view, m, s).integers(2**40) for m in ("nll", "ais") for s in ("train", "test")}
    assert len(draws) == 4 and stream(view, "nll", "test").integers(2**40) in draws


def test_joined():
    assert noted(None, "a", None, "b") == "a; b" and noted(None) is None
