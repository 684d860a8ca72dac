import numpy as np
import pytest

from vaelab.datasets.pairing import paired_rows
from vaelab.errors import DataError


def pair(labels, how, seed=0):
    return paired_rows([np.asarray(y) for y in labels], how, np.random.default_rng(seed))


def test_by_index_is_the_same_row_in_all_views():
    rows = pair([[0, 1, 2]] * 3, "by_index")
    assert all(r.tolist() == [0, 1, 2] for r in rows)


def test_shorter_views_are_topped_up_from_their_own_rows():
    long, short = pair([np.zeros(100), np.zeros(7)], "by_index")
    assert long.tolist() == list(range(100)) and short[:7].tolist() == list(range(7)) and short.max() < 7


def test_by_target_draws_independent_members_of_the_same_class():
    y = np.repeat(np.arange(5), 40)
    a, b, c = pair([y, y, y], "by_target")
    assert a.tolist() == list(range(200))
    assert np.array_equal(y[a], y[b]) and np.array_equal(y[a], y[c])
    assert (a == b).mean() < 0.1 and (b == c).mean() < 0.1


def test_by_target_with_unequal_views_and_classes():
    y = [np.array([0, 1, 2, 3, 1]), np.array([1, 2])]
    a, b = pair(y, "by_target")
    assert len(a) == len(b) == 5 and np.array_equal(y[0][a], y[1][b]) and set(y[0][a]) == {1, 2}


def test_the_seed_decides():
    y = np.repeat(np.arange(5), 40)
    first, again, other = (pair([y, y], "by_target", seed=s)[1] for s in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_views_that_cannot_be_paired():
    with pytest.raises(DataError, match="no class in common"):
        pair([[0], [1]], "by_target")
    with pytest.raises(DataError, match="no images"):
        pair([[0], []], "by_index")
