"""One contract for every view: the tests' and LatentView keep it, metrics, pictures and the explorer read no more."""

import importlib
from functools import cache

import numpy as np
import pytest
import yaml
from fake_view import Codes, LinearGaussian, in_levels, spots
from support import rest_slow

from vaelab import contracts
from vaelab.config import locate
from vaelab.contracts import SplitView, View, check
from vaelab.errors import NotApplicable
from vaelab.plots.animation import Animation

METRICS, PLOTS = locate.options("metric"), locate.options("plot")
QUICK = {
    "images": 30, "samples": 20, "curve": [5], "chains": 2, "temperatures": 4, "leapfrog_steps": 2, "draws": 8, "k": 2,
    "votes": 30, "train_votes": 60, "test_votes": 30, "train_images": 40, "test_images": 20, "judge_images": 60,
    "trees": 3, "n": 4, "slices": 3, "steps": 3, "iterations": 250, "perplexity": 5.0, "frames": 3,
}  # fmt: skip


class OnlyTheContract:
    """A view or split that shows the members of its contract and nothing else."""

    def __init__(self, shown, contract):
        methods, attributes, may = contracts.members(contract)
        self._shown, self._names = shown, {*methods, *attributes, *may}

    def __getattr__(self, name):
        if name not in self._names:
            raise AssertionError(f"{name} is not in the contract")
        return getattr(self._shown, name)

    def __len__(self):
        return len(self._shown)

    def split(self, name):
        return OnlyTheContract(self._shown.split(name), SplitView)


def fake_frames():
    images = np.zeros((6, 8, 8, 1), np.uint8)
    rows = np.arange(6)
    arrays = {"codes": np.zeros((6, 3)) + rows[:, None], "code_rows": rows, "rows": rows}
    return [(epoch, {**arrays, "samples_0": images, "reconstructions_0": images}) for epoch in (0, 1)]


@cache
def fake(kind):
    if kind == "two_views":
        return spots(latent_dim=6, n_views=2, shape=(8, 8, 1))
    if kind == "plane":
        return spots(shape=(8, 8, 1))
    if kind == "linear":
        return LinearGaussian(splits=("train", "test"))
    if kind == "levels":
        return in_levels(shape=(8, 8, 1))
    if kind == "classifier":
        view = spots(shape=(8, 8, 1))
        view.classify = lambda images: np.eye(4, dtype=np.float32)[np.arange(len(images[0])) % 4]
        return view
    if kind == "left_out":
        view = spots(latent_dim=2, shape=(8, 8, 1))
        view.split("train").y = np.zeros(len(view.split("train")), int)
        part = view.split("test")
        part.masks = np.where(np.asarray(part.x[0]) > 200, 255, 0).astype(np.uint8)
        return view
    factors = np.stack([np.arange(240) % 3, np.arange(240) // 3 % 4], axis=1)
    curves = {"beta": (np.arange(3), np.ones(3))}
    return spots(latent_dim=3, shape=(8, 8, 1), factors=factors, factor_names=("shape", "size"), frames=fake_frames(),
                 schedules=curves, conditional=kind == "conditional")  # fmt: skip


def applied(kind, name, view):
    """What the option makes of a view, with quick settings."""
    content = yaml.safe_load((locate.conf_dir() / kind / f"{name}.yaml").read_text(encoding="utf-8"))
    module, _, function = content["_target_"].rpartition(".")
    settings = {k: QUICK.get(k, v) for k, v in content.items() if not k.startswith("_")}
    return getattr(importlib.import_module(module), function)(OnlyTheContract(view, View), **settings)


def assert_is_result(kind, result):
    from matplotlib.figure import Figure

    if kind == "plot":
        assert isinstance(result, Figure | Animation)
        return
    assert result and all(score.value is None or np.isfinite(score.value) for score in result.values())


@pytest.mark.parametrize("view", [Codes({"test": (np.zeros((9, 2)), 1.0, {})}), fake("one_view"), fake("two_views"),
                                  fake("linear")], ids=["codes", "one_view", "two_views", "linear"])  # fmt: skip
def test_the_views_of_tests_keep_the_contract(view):
    check(view, View, "fake")
    check(view.split("test"), SplitView, "fake")
    check(view.prior, contracts.PriorView, "fake")


def test_a_latent_view_keeps_the_contract(digits_view):
    check(digits_view, View, "LatentView")
    check(digits_view.split("test"), SplitView, "SplitView")
    check(digits_view.prior, contracts.PriorView, "NumpyPrior")


@pytest.mark.parametrize(
    "kind,name",
    [("metric", m) for m in METRICS]
    + [pytest.param("plot", p, marks=pytest.mark.slow if p == "umap" else ()) for p in PLOTS],
)
def test_every_option_reads_the_contract_alone(kind, name):
    """It applies to one of: classes and factors, two views with tags, two latents, a linear model, classes left out,
    levels, a classifier."""
    if name == "umap":
        pytest.importorskip("umap", reason="umap-learn is an extra")
    for which in ("one_view", "two_views", "plane", "linear", "left_out", "levels", "classifier"):
        try:
            assert_is_result(kind, applied(kind, name, fake(which)))
            return
        except NotApplicable:
            continue
    pytest.fail(f"{kind}={name} applies to none of the views")


@pytest.mark.parametrize("name", rest_slow(METRICS, ["elbo", "nll", "reconstruction", "density_coverage"]))
def test_every_metric_takes_a_condition(name):
    """The same numbers of kinds as without one, or a sentence; pictures are drawn with one in test_every_plot."""
    try:
        found = applied("metric", name, fake("conditional"))
    except NotApplicable as error:
        assert 20 < len(str(error)) < 260
        return
    assert_is_result("metric", found)
    assert found.keys() == applied("metric", name, fake("one_view")).keys()


@pytest.mark.slow
@pytest.mark.parametrize("kind,name", [("metric", m) for m in METRICS] + [("plot", p) for p in PLOTS])
def test_every_option_on_a_trained_run(kind, name, digits_view):
    if name == "umap":
        pytest.importorskip("umap", reason="umap-learn is an extra")
    try:
        assert_is_result(kind, applied(kind, name, digits_view))
    except NotApplicable as error:
        assert 20 < len(str(error)) < 260


@pytest.fixture(scope="session")
def digits_view(digits_run):
    """The `LatentView` of the run that tests share."""
    from vaelab.api.run import Run

    return Run(digits_run[1]).view
