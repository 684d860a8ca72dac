"""Scores of one run and of several together."""

import numpy as np
import pytest
from fake_view import LinearGaussian, spots

from vaelab.config import locate
from vaelab.datasets.base import Split
from vaelab.errors import ConfigError
from vaelab.jobs.scoring import Scoring


def nodes(*names):
    found = {name: locate.node("score", name)[0] for name in names}
    return {name: {**node, **({"samples": 20} if "samples" in node else {})} for name, node in found.items()}


def test_several_runs_give_mean_spread_and_waic():
    views = [LinearGaussian(latents=1, splits=("train", "test"), shift=shift) for shift in (0, 0.4, 0.9)]
    images = [view.split("test").x for view in views]
    scores = nodes("elbo", "nll", "distortion")
    each = [Scoring([view], scores).of([x]) for view, x in zip(views, images)]
    together = Scoring(views, scores)
    assert together.columns == [
        "elbo", "elbo_spread", "elbo_waic", "elbo_percentile", "nll", "nll_spread", "nll_waic", "nll_percentile",
        "distortion", "distortion_spread", "distortion_percentile",
    ]  # fmt: skip
    found = together.of(images)
    for name, sign in (("elbo", 1), ("nll", -1), ("distortion", 0)):
        values = np.stack([one[name] for one in each])
        np.testing.assert_allclose(found[name], values.mean(axis=0))
        np.testing.assert_allclose(found[f"{name}_spread"], values.std(axis=0, ddof=1))
        if sign:
            np.testing.assert_allclose(found[f"{name}_waic"], values.mean(axis=0) - sign * values.var(axis=0, ddof=1))
        percentiles = found[f"{name}_percentile"]
        assert abs(percentiles.mean() - 50) < 1e-6  # of the own images among themselves
    assert found["elbo_spread"].min() > 0
    (rows, first), *_ = together.chunks([Split(x) for x in images])
    assert rows == range(len(images[0][0])) and np.array_equal(first["elbo"], found["elbo"])


def test_a_single_run_has_neither_spread_nor_waic():
    view = LinearGaussian(latents=1, splits=("train", "test"))
    assert Scoring([view], nodes("elbo")).columns == ["elbo", "elbo_percentile"]


def test_runs_of_other_test_images_are_refused():
    one, other = spots(shape=(8, 8, 1)), spots(shape=(8, 8, 1), n=120)
    with pytest.raises(ConfigError, match="of one dataset"):
        Scoring([one, other], nodes("distortion"))
