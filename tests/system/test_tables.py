"""Tables keep to a width without breaking a number, and are plain where there is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelab.system.tables import table

ROWS = [["run", "elbo", "note"], ["outputs/a/2026-01-01", "-1,234.56", "a long story about this run, told at length"]]


def test_without_a_terminal_nothing_is_folded_or_left_out():
    text, left_out = table(ROWS, numbers=[1], folds=[2], first=[0, 1, 2], indent=2)
    first = "  run                        elbo  note\n"
    assert text == first + "  outputs/a/2026-01-01  -1,234.56  a long story about this run, told at length"
    assert left_out == []


@pytest.mark.parametrize("width", [40, 50, 80, 120])
def test_a_terminal_is_not_exceeded_and_numbers_stay_whole(width):
    text, left_out = table(ROWS, numbers=[1], folds=[2], first=[0, 1, 2], width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "outputs/a/2026-01-01" in text and ("-1,234.56" in text) == (1 not in left_out)
    assert ("story" in text) == (2 not in left_out) and (width >= 50 or left_out == [2])


CELL = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=30).map(str.strip)


@given(st.lists(st.tuples(CELL, st.integers(), CELL, st.floats(allow_nan=False)), min_size=1), st.integers(20, 200))
def test_every_number_of_a_shown_column_is_whole(rows, width):
    cells = [[a, str(b), c, f"{d:.6g}"] for a, b, c, d in rows]
    text, left_out = table(cells, numbers=[1, 3], folds=[0, 2], first=[1, 3, 0, 2], width=width)
    for k in {1, 3} - set(left_out):
        assert all(re.search(rf"(?<!\S){re.escape(row[k])}(?!\S)", text) for row in cells) or width < 45
    assert all(len(line) <= width for line in text.splitlines())


def test_wide_letters_and_markup_count_as_what_is_seen():
    text, _ = table([["画像", "1"], ["[red]a", "10"]], numbers=[1])
    assert text == "画像     1\n[red]a  10"


def test_nothing_is_no_table():
    assert table([]) == ("", [])
