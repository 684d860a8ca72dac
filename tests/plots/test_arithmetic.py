"""Latent arithmetic is numpy's."""

import numpy as np
import pytest
from fake_view import spots
from plots.watching import watched

from vaelab.errors import ConfigError
from vaelab.plots import arithmetic as module
from vaelab.plots.arithmetic import Term, arithmetic, code, parsed


@pytest.fixture
def view():
    found = spots(latent_dim=3, shape=(8, 8, 1))
    found.class_names = ("T-shirt/top", "Sneaker", "Ankle boot", "Bag")
    return found


def result(monkeypatch, view, expression):
    blocks = watched(monkeypatch, module, arithmetic, view, split="test", expression=expression, condition=None)
    return blocks[-1].images[0, 0]


def test_result_is_the_decoded_sum(monkeypatch, view):
    part = view.split("test")
    mean = [part.mean[part.y == k].astype(np.float64).mean(axis=0) for k in range(4)]
    cases = {
        "sneaker - ankle_boot + bag": mean[1] - mean[2] + mean[3],
        "#12 - #57 + mean(3)": part.mean[12] - part.mean[57] + mean[3],
        "-0.5*bag + 2 * #3": -0.5 * mean[3] + 2.0 * part.mean[3],
        "'T-shirt/top' + mean(t_shirt_top)": 2 * mean[0],
        "#5": part.mean[5],
        "mean of sneaker - mean of 'Ankle boot' + bag": mean[1] - mean[2] + mean[3],
        "2*mean of bag": 2 * mean[3],
        "Ankle_Boot−#1": mean[2] - part.mean[1],
    }
    for expression, z in cases.items():
        found = sum(t.factor * code(view, part, t) for t in parsed(expression))
        assert np.allclose(found, z, atol=1e-6), expression
    for expression in list(cases)[:2]:
        z = cases[expression]
        assert np.allclose(result(monkeypatch, view, expression), view.decode(z[None])[0][0], atol=1e-5), expression


def test_originals_are_shown_below(monkeypatch, view):
    blocks = watched(monkeypatch, module, arithmetic, view, split="test", expression="#12 - #57 + bag", condition=None)
    part = view.split("test")
    assert np.array_equal(blocks[0].images[1, 0], part.images(np.array([12]))[0][0])
    z = part.mean[12] - part.mean[57] + part.mean[part.y == 3].mean(axis=0)
    nearest = int(np.argmin(((part.mean - z) ** 2).sum(axis=1)))
    assert np.array_equal(blocks[-1].images[1, 0], part.images(np.array([nearest]))[0][0])


def test_where_nothing_is_typed_three_classes_are_taken_or_three_images(view):
    part = view.split("test")
    assert module.usual(view, part) == [Term(1.0, "T-shirt/top"), Term(-1.0, "Sneaker"), Term(1.0, "Ankle boot")]
    title = arithmetic(view, split="test", expression=None, condition=None).texts[0].get_text()
    assert title == "Arithmetic: mean of T-shirt/top − mean of Sneaker + mean of Ankle boot"
    bare = spots(labels=False, shape=(8, 8, 1))
    assert module.usual(bare, bare.split("test")) == [Term(1.0, 0), Term(-1.0, 1), Term(1.0, 2)]


def test_two_views(monkeypatch):
    view = spots(latent_dim=6, shape=(8, 8, 1), n_views=2)
    blocks = watched(monkeypatch, module, arithmetic, view, split="test", expression="#1 - #2 + #3", condition=None)
    z = view.split("test").mean[[1]] - view.split("test").mean[[2]] + view.split("test").mean[[3]]
    for v in range(2):
        assert np.allclose(blocks[-1].images[2 * v, 0], view.decode(z)[v][0], atol=1e-5)


def test_digits_are_classes(monkeypatch):
    view = spots(latent_dim=2, shape=(8, 8, 1))
    view.class_names = ("3", "2", "1", "0")
    part = view.split("test")
    expected = part.mean[part.y == 0].astype(np.float64).mean(axis=0)  # the class called 3, not label number 3
    assert np.allclose(result(monkeypatch, view, "mean(3)"), view.decode(expected[None])[0][0], atol=1e-5)


def test_parsed():
    assert parsed("#12-#57+0.5*mean( 7 )") == [
        Term(1.0, 12), Term(-1.0, 57), Term(0.5, "7"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "expression,words",
    [
        ("sneker - bag", "no class 'sneker'. Did you mean 'sneaker'"),
        ("zebra", "There are: t_shirt_top, sneaker"),
        ("mean(9)", "no class '9'"),
        ("#80 + bag", "images 0 to 79, got 80"),
        ("sneaker bag", "expected \\+ or -"),
        ("sneaker -", "expected \\+ or -"),
        ("2*", "expected"),
        ("", "expected a term, got 'nothing'"),
        ("#x", "expected a term"),
    ],
)
def test_bad_expressions(view, expression, words):
    with pytest.raises(ConfigError, match=words):
        arithmetic(view, split="test", expression=expression, condition=None)


def test_classes_need_labels():
    with pytest.raises(ConfigError, match="no classes"):
        arithmetic(spots(labels=False, shape=(8, 8, 1)), split="test", expression="bag - #1", condition=None)
