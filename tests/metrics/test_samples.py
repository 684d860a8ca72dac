import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics import knn_balls
from vaelab.metrics.density_coverage import density_coverage
from vaelab.metrics.precision_recall import precision_recall
from vaelab.metrics.samples import sampled_codes

PRECISION = {
    "split": "test",
    "sampler": "prior",
    "mixture": 2,
    "k": 3,
    "pixels": "mean",
    "features": 10,
    "images": None,
}
DENSITY = {**PRECISION, "k": 5}


def normal(n=1500, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def values(view, **more):
    scores = precision_recall(view, **{**PRECISION, **more}) | density_coverage(view, **{**DENSITY, **more})
    return {key: s.value for key, s in scores.items()}


def test_samples_like_the_data(code_view):
    found = values(code_view(normal()))
    assert found["precision"] > 0.9 and found["recall"] > 0.9 and found["coverage"] > 0.9
    assert found["density"] == pytest.approx(1, abs=0.1)


def test_samples_far_from_the_data(code_view):
    found = values(code_view(normal() + 50))
    assert found["precision"] == found["recall"] == found["density"] == found["coverage"] == 0


def test_samples_of_one_mode_of_two_are_precise_but_do_not_cover(code_view):
    mean = normal()
    mean[::2, 0] += 50
    found = values(code_view(mean))
    assert found["precision"] > 0.9 and found["recall"] == pytest.approx(0.5, abs=0.1)
    assert found["coverage"] == pytest.approx(0.5, abs=0.1)


def test_the_mixture_goes_where_the_codes_are(code_view):
    mean = normal()
    mean[::2, 0] += 50
    found = values(code_view(mean), sampler="mixture")
    assert set(found) == {"precision_mixture", "recall_mixture", "density_mixture", "coverage_mixture"}
    assert found["precision_mixture"] > 0.9 and found["recall_mixture"] > 0.9


def test_codes_from_the_mixture_have_the_moments_of_the_codes(code_view):
    view = code_view(normal() @ np.diag([2.0, 0.5, 0.1]) + [5, 0, 0], 0.01)
    z = sampled_codes(view, 4000, "mixture", 2, np.random.default_rng(0))
    np.testing.assert_allclose(z.mean(axis=0), [5, 0, 0], atol=0.2)
    np.testing.assert_allclose(z.std(axis=0), [2, 0.5, 0.1], rtol=0.1)


def test_the_space_and_the_numbers_are_stated(code_view):
    score = precision_recall(code_view(normal(100)), **{**PRECISION, "images": 60})["precision"]
    assert score.n == 60
    for words in ("3 principal components", "100 training images", "60 samples from the prior", "60 of 100"):
        assert words in score.note


def test_samples_are_drawn_where_asked(code_view):
    view = code_view(normal(), 0.1)
    view.simulate = lambda z, rng: (view.decode(z)[0] + 100,)
    score = precision_recall(view, **{**PRECISION, "pixels": "drawn"})["precision"]
    assert score.value == 0 and "drawn from p(x|z)" in score.note
    view.data_kind = "dynamic"
    assert "binary pixels" in precision_recall(view, **PRECISION)["precision"].note


def test_the_mixture_is_stated(code_view):
    score = precision_recall(code_view(normal(100)), **{**PRECISION, "sampler": "mixture"})["precision_mixture"]
    assert "mixture of 2 Gaussians fitted to 100 training codes" in score.note


def test_a_handful_of_images_is_refused(code_view):
    with pytest.raises(ConfigError, match="at least 20"):
        precision_recall(code_view(normal(8)), **PRECISION)


def test_balls_are_those_of_all_distances(monkeypatch):
    monkeypatch.setattr(knn_balls, "_PAIRS_PER_CALL", 100)
    a, b = normal(40) + 100, normal(30, seed=1) + 100
    within = np.sort(np.linalg.norm(b[:, None] - b, axis=-1), axis=1)[:, 3]
    np.testing.assert_allclose(knn_balls.radii(b, 3), within, rtol=1e-6)
    inside = np.linalg.norm(a[:, None] - b, axis=-1) <= within
    count, reached = knn_balls.balls_around(a, b, within, closed=True)
    np.testing.assert_array_equal(count, inside.sum(axis=1))
    np.testing.assert_array_equal(reached, inside.any(axis=0))


def test_samples_at_just_the_radius(code_view):
    """On a line of integers the first neighbour is at 1: a sample on an integer touches two balls and lies in one."""
    real = np.arange(100.0)[:, None]
    radius = knn_balls.radii(real, 1)
    np.testing.assert_allclose(radius, 1)
    inside, reached = knn_balls.balls_around(real[10:12], real, radius, closed=False)
    assert inside.tolist() == [1, 1] and np.flatnonzero(reached).tolist() == [10, 11]
    touched, reached = knn_balls.balls_around(real[10:12], real, radius, closed=True)
    assert touched.tolist() == [3, 3] and np.flatnonzero(reached).tolist() == [9, 10, 11, 12]


def test_copies_have_balls_that_hold_nothing(code_view):
    """Images with k copies have radius 0; density and coverage count as the authors' program does."""
    view = code_view(np.repeat(np.eye(4), 30, axis=0), 0.1)
    view.decode = lambda z: (view.split("test").x[0],)  # samples that are the data
    found = values(view)
    assert found["density"] == found["coverage"] == 0 and found["precision"] == found["recall"] == 1
