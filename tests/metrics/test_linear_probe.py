import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from vaelab.errors import ConfigError
from vaelab.metrics.linear_probe import linear_probe
from vaelab.metrics.silhouette import silhouette

PROBE = {"split": "test", "label": "class", "part": None, "strength": 1.0, "iterations": 200}
SHAPE = {"split": "test", "label": "class", "part": None, "images": None}


def test_separate_classes_and_noise(code_view):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=900)
    clusters = code_view(20 * np.eye(3)[y] + 0.1 * rng.normal(size=(900, 3)), y=y)
    assert linear_probe(clusters, **PROBE)["linear_probe"].value == 1
    assert silhouette(clusters, **SHAPE)["silhouette"].value > 0.95
    noise = code_view(rng.normal(size=(900, 2)), y=y)
    score = linear_probe(noise, **PROBE)["linear_probe"]
    assert abs(score.value - 1 / 3) < 5 * score.se
    assert abs(silhouette(noise, **SHAPE)["silhouette"].value) < 0.05


def test_silhouette_is_sklearns(code_view, monkeypatch):
    monkeypatch.setattr("vaelab.metrics.silhouette._PAIRS_PER_CALL", 1000)
    rng = np.random.default_rng(0)
    mean, y = rng.normal(size=(150, 3)).astype(np.float32), rng.integers(5, size=150)
    y[0] = 9  # alone
    ours = silhouette(code_view(mean, y=y), **SHAPE)["silhouette"].value
    assert ours == pytest.approx(silhouette_score(mean, y), abs=1e-5)
    fewer = silhouette(code_view(mean, y=y), **{**SHAPE, "images": 100})["silhouette"]
    assert fewer.n == 100 and "100 of 150" in fewer.note


def test_one_label_or_none_is_refused(code_view):
    for y, sentence in ((np.zeros(9, int), "at least two"), (None, "no labels")):
        view = code_view(np.random.default_rng(0).normal(size=(9, 2)), y=y)
        for score, settings in ((linear_probe, PROBE), (silhouette, SHAPE)):
            with pytest.raises(ConfigError, match=sentence):
                score(view, **settings)


def test_a_probe_that_did_not_converge_says_so(code_view):
    rng = np.random.default_rng(0)
    view = code_view(rng.normal(size=(300, 8)), y=rng.integers(10, size=300))
    assert "before it converged" in linear_probe(view, **{**PROBE, "iterations": 1})["linear_probe"].note
