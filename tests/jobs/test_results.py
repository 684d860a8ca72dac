"""What `score` and `table` make of a metric's numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaelab.config import locate
from vaelab.jobs import results
from vaelab.metrics.score import Score, mean_score
from vaelab.plots.style import Page
from vaelab.records.run_folder import RunFolder


def a_metric(view, *, split):
    return {"elbo": mean_score(np.arange(len(view.split(split)))), "verdict": Score(0.5, note="no images")}


def scored(x, enumerated, monkeypatch):
    part = type("Part", (), {"x": (x,), "__len__": lambda self: len(x)})()
    view = SimpleNamespace(
        split=lambda name: part, data_kind="binary", dataset=SimpleNamespace(enumerated=enumerated, instead_of=None)
    )
    monkeypatch.setattr(results.trust, "load", lambda target, group, trusted: a_metric)
    node = {"_target_": "a_metric", "split": "test"}
    return results.score(view, {"a": node}, weights_epoch=3, trusted=(), strict=True)


def test_copies_of_four_points_are_four_points(monkeypatch):
    """The set is complete: no image was drawn, so its mean has no error of drawing images."""
    points = np.tile(np.eye(4, dtype=np.uint8), (100, 1)).reshape(-1, 1, 4, 1)
    found = scored(points, True, monkeypatch)
    assert found["test/elbo"]["n"] == 4 and found["test/elbo"]["se"] is None and found["test/elbo"]["value"] == 199.5
    assert found["test/verdict"]["n"] is None
    assert "4 test images" in results.table(found) and "±" not in results.table(found)
    drawn = scored(points, False, monkeypatch)["test/elbo"]
    assert drawn["n"] == 400 and drawn["se"] > 0


def test_a_bound_is_printed_without_an_error():
    facts = {"n": 10, "split": "test", "data": "binary", "samples": 500, "note": None}
    settled = {"value": 100.0, "se": 0.5, **facts}
    told = results.table({"test/a": settled, "test/b": {**settled, "doubt": "not settled (k-hat 0.9): a bound"}})
    assert told.splitlines()[0].split()[:4] == ["test/a", "100.000", "±", "0.5"]
    assert "100.000 not settled (k-hat 0.9): a bound" in told.splitlines()[1] and "±" not in told.splitlines()[1]


@pytest.mark.parametrize(
    "typed,drawn",
    [([], False), (["beta=4"], False), (["plot=[tsne]"], True), (["plots.tsne.n=300"], True), (["+plot@x=a"], True),
     (["plots.format=pdf"], False)],
)  # fmt: skip
def test_a_run_that_asks_for_no_pictures_can_do_without_the_map(typed, drawn):
    usual = {name: {"_target_": name} for name in locate.usual("plot")}
    kept = results.without_map(usual, typed)
    assert set(usual) - set(kept) == (set() if drawn else {"tsne"})
    chosen_by_a_recipe = {"tsne": {}, "samples": {}}
    assert results.without_map(chosen_by_a_recipe, typed) == chosen_by_a_recipe
    beside = locate.beside("plots")
    assert results.without_map(beside | usual, typed) == beside | kept


def a_plot(view, *, n):
    page = Page("A line", [view], 2.0)
    page.axes(1, 0.5, 4, 1).plot(range(n), range(n))
    return page.figure


def drawn(folder, monkeypatch, **saved):
    monkeypatch.setattr(results.trust, "load", lambda target, group, trusted: a_plot)
    plots = {**locate.beside("plots"), **saved, "line": {"_target_": "a_plot", "n": 5}}
    return results.draw("a view", plots, RunFolder(folder), trusted=(), strict=True)


def test_a_picture_is_saved_in_each_format_with_the_same_bytes_every_time(tmp_path, monkeypatch):
    first, second = (drawn(tmp_path / where, monkeypatch, format=["png", "pdf", "svg", "png"]) for where in "ab")
    assert [path.name for path in first] == ["line.png", "line.pdf", "line.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("saved,pixels", [({}, 1000), ({"dpi": 250}, 2500), ({"width": "slide"}, 1500)])
def test_a_picture_is_as_wide_as_asked(tmp_path, monkeypatch, saved, pixels):
    from PIL import Image

    assert Image.open(drawn(tmp_path, monkeypatch, **saved)[0]).width == pixels


def test_a_picture_that_cannot_be_saved_costs_no_run(tmp_path, monkeypatch):
    told = []
    (tmp_path / "figures").write_text("no folder")
    monkeypatch.setattr(results.trust, "load", lambda target, group, trusted: a_plot)
    plots = {**locate.beside("plots"), "line": {"_target_": "a_plot", "n": 5}}
    tell = lambda level, text: told.append(text)  # noqa: E731
    assert results.draw("a view", plots, RunFolder(tmp_path), trusted=(), strict=False, tell=tell) == []
    assert told and told[0].startswith("plot line failed")
