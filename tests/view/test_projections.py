"""Maps of codes: closed form for PCA, neighbourhoods for t-SNE, caching for all."""

import numpy as np
import pytest
from fake_view import spots

from vaelab.errors import ConfigError
from vaelab.view import projections
from vaelab.view.projections import project

TSNE = {"engine": "scikit-learn", "perplexity": 10.0, "iterations": 300}


def test_pca_is_scikit_learns():
    from sklearn.decomposition import PCA

    view = spots(latent_dim=5, shape=(8, 8, 1))
    found = project(view, "test", "pca", 1000)
    codes = view.split("test").mean.astype(np.float64)
    expected = PCA(2, svd_solver="full").fit(codes)
    assert np.allclose(np.abs(found.points), np.abs(expected.transform(codes)), atol=1e-5)
    assert np.allclose(found.explained, expected.explained_variance_ratio_, atol=1e-6)
    assert found.total == len(found.rows) == 80


def test_pca_of_one_latent_has_an_empty_second_axis():
    found = project(spots(latent_dim=1, shape=(8, 8, 1)), "test", "pca", 1000)
    assert found.points.shape == (80, 2) and not found.points[:, 1].any()


def clustered():
    view = spots(latent_dim=5, shape=(8, 8, 1), n_classes=3)
    part = view.split("test")
    part.mean = (4.0 * np.eye(5)[part.y] + 0.1 * np.random.default_rng(0).standard_normal((80, 5))).astype(np.float32)
    return view, part


def test_tsne_keeps_clusters_together_and_repeats():
    view, part = clustered()
    first = project(view, "test", "tsne", 1000, **TSNE).points
    distance = np.linalg.norm(first[:, None] - first[None], axis=-1) + 1e9 * np.eye(80)
    assert (part.y[distance.argmin(axis=1)] == part.y).mean() > 0.95
    other, _ = clustered()
    assert np.array_equal(first, project(other, "test", "tsne", 1000, **TSNE).points)


def test_tsne_of_few_points_lowers_the_perplexity_and_says_so():
    view = spots(shape=(1, 4, 1), n=12)
    found = project(view, "test", "tsne", 100, **TSNE)
    assert found.points.shape == (4, 2) and "too few points" in found.note


def test_tsne_of_a_collapsed_code_is_finite():
    view = spots(shape=(8, 8, 1))
    view.split("test").mean = np.zeros((80, 2), np.float32)
    assert np.isfinite(project(view, "test", "tsne", 100, **TSNE).points).all()


def test_subset_is_stated_and_the_same_for_every_method():
    view = spots(shape=(8, 8, 1))
    a, b = project(view, "test", "pca", 30), project(view, "test", "tsne", 30, **TSNE)
    assert len(a.rows) == 30 and a.total == 80 and np.array_equal(a.rows, b.rows)


def test_computed_once_per_view(monkeypatch):
    view = spots(shape=(8, 8, 1))
    first = project(view, "test", "pca", 50)
    monkeypatch.setitem(projections.METHODS, "pca", None)  # a second computation would fail
    assert project(view, "test", "pca", 50) is first


def test_computed_once_for_all_who_want_more_images_than_there_are(monkeypatch):
    view = spots(shape=(8, 8, 1))
    first = project(view, "test", "tsne", 2000, **TSNE)
    monkeypatch.setitem(projections.METHODS, "tsne", None)
    assert project(view, "test", "tsne", 80, **TSNE) is first


def test_disk_cache_survives_the_process_and_damage(tmp_path, monkeypatch):
    first = project(spots(shape=(8, 8, 1)), "test", "tsne", 50, folder=tmp_path, **TSNE)
    (file,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setitem(projections.METHODS, "tsne", None)
        again = project(spots(shape=(8, 8, 1)), "test", "tsne", 50, folder=tmp_path, **TSNE)
    assert np.array_equal(first.points, again.points) and again.note == first.note and again.explained.size == 0
    file.write_bytes(b"damaged")
    third = project(spots(shape=(8, 8, 1)), "test", "tsne", 50, folder=tmp_path, **TSNE)
    assert np.array_equal(first.points, third.points)


def test_other_codes_are_other_files(tmp_path):
    project(spots(shape=(8, 8, 1)), "test", "pca", 50, folder=tmp_path)
    project(spots(shape=(8, 8, 1), n_classes=3), "test", "pca", 50, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "module,method,settings,line",
    [
        ("umap", "umap", {"neighbours": 5, "min_dist": 0.1}, r'pip install "vaelab\[umap\]"'),
        ("openTSNE", "tsne", {**TSNE, "engine": "opentsne"}, r'pip install "vaelab\[tsne\]"'),
    ],
)
def test_missing_extra_says_how_to_install_it(monkeypatch, module, method, settings, line):
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=line):
        project(spots(shape=(8, 8, 1)), "test", method, 50, **settings)


def test_umap_and_opentsne_where_they_are_installed():
    pytest.importorskip("umap", reason="umap-learn is an extra")
    pytest.importorskip("openTSNE", reason="openTSNE is an extra")
    view, _ = clustered()
    assert project(view, "test", "umap", 80, neighbours=10, min_dist=0.1).points.shape == (80, 2)
    assert project(view, "test", "tsne", 80, **{**TSNE, "engine": "opentsne"}).points.shape == (80, 2)


def test_both_engines_count_the_exaggerated_iterations(monkeypatch):
    """openTSNE's own n_iter comes on top of its early exaggeration; scikit-learn's max_iter holds it."""
    import sys
    from types import SimpleNamespace

    asked = {}

    class Recorder:
        def __init__(self, **settings):
            asked.update(settings)

        def fit(self, codes):
            return codes[:, :2]

    monkeypatch.setitem(sys.modules, "openTSNE", SimpleNamespace(TSNE=Recorder))
    project(spots(shape=(8, 8, 1)), "test", "tsne", 50, **{**TSNE, "engine": "opentsne"})
    assert asked["early_exaggeration_iter"] + asked["n_iter"] == TSNE["iterations"]


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_own_images_lie_on_the_map_of_others(method, tmp_path):
    """Codes of the same place are at the same place, whoever's they are; from the disk, too."""
    settings = TSNE if method == "tsne" else {}
    view, part = clustered()
    other, theirs = clustered()
    other.own, theirs.mean = view, theirs.mean[::-1].copy()
    for _ in range(2):
        found = project(other, "test", method, 1000, folder=tmp_path, **settings)
        assert found.points.shape == found.own.shape == (80, 2)
        distance = np.linalg.norm(found.points[:, None] - found.own[None], axis=-1)
        nearest = part.y[distance.argmin(axis=1)]
        assert (nearest == part.y[::-1]).mean() > 0.95  # theirs are ours, reversed
        projections._CACHE.clear()
    few = project(other, "test", method, 20, folder=tmp_path, **settings)
    assert few.points.shape == few.own.shape == (20, 2)
    other = spots(latent_dim=5, shape=(8, 8, 1), n=60)
    other.own = view
    assert len(project(other, "test", method, 1000, **settings).own) == 80 > len(other.split("test"))
    assert project(view, "test", method, 1000, **settings).own.shape == (0, 2)
