import numpy as np
import pytest
from fake_view import spots
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from vaelab.errors import ConfigError
from vaelab.metrics.ood import ood
from vaelab.metrics.separation import separation
from vaelab.scores import foils
from vaelab.scores.foils import FOILS

PLAIN = {"split": "test", "on": ["inverted"], "scores": None, "images": 60, "resize": False, "bootstrap": 50}


@pytest.mark.parametrize("digits", [None, 0], ids=["distinct", "ties"])
@pytest.mark.parametrize("apart", [-0.5, 0, 1, 4])
def test_the_numbers_are_scikit_learns(apart, digits):
    rng = np.random.default_rng(0)
    own, strange = rng.normal(size=300), rng.normal(apart, 1.5, 170)
    if digits is not None:
        own, strange = own.round(digits), strange.round(digits)
    truth, values = np.r_[np.zeros(300), np.ones(170)], np.r_[own, strange]
    found, errors = separation(own, strange, 100, rng)
    assert found.auroc == pytest.approx(roc_auc_score(truth, values))
    assert found.aupr == pytest.approx(average_precision_score(truth, values))
    false, true, _ = roc_curve(truth, values, drop_intermediate=False)
    assert found.fpr95 == pytest.approx(false[np.argmax(true >= 0.95)])
    assert min(errors) >= 0 and errors.auroc < 0.05


def test_the_error_is_that_of_other_samples():
    rng = np.random.default_rng(1)
    auroc = [separation(rng.normal(size=200), rng.normal(0.7, 1, 100), 2, rng)[0].auroc for _ in range(400)]
    _, error = separation(rng.normal(size=200), rng.normal(0.7, 1, 100), 400, rng)
    assert error.auroc == pytest.approx(np.std(auroc), rel=0.25)


def test_a_run_against_its_own_test_images_is_at_one_half():
    view = spots(n=600, shape=(8, 8, 1))
    view.foreign = lambda name, resize: view.split("test").x
    found = ood(view, **PLAIN | {"on": ["mnist"], "images": 100})  # two draws of 100 from 200
    for name, score in found.items():
        if name.endswith("auroc"):
            assert abs(score.value - 0.5) < 4 * score.se, name
    assert {name.split("_")[1] for name in found} == {"mnist"} and "ood_mnist_elbo_fpr95" in found


def test_the_combination_names_its_rival_and_dark_images_are_told():
    view = spots(n=300, shape=(8, 8, 1))
    view._splits["validation"] = view.split("train")
    view.least_distortion = lambda images: 90 * images[0].mean(axis=(1, 2, 3))  # bright images cost more
    view.foreign = lambda name, resize: tuple(v // 4 for v in view.split("test").x)
    near = view.log_prob
    view.log_prob = lambda images, z: near(images, z) - 9000 * images[0].mean(axis=(1, 2, 3))
    found = ood(view, **PLAIN | {"on": ["mnist"], "scores": ["distortion", "excess_distortion", "combined"]})
    assert found["ood_mnist_distortion_auroc"].value < 0.5
    assert "cost their own entropy" in found["ood_mnist_distortion_auroc"].note
    assert "the best single score is" in found["ood_mnist_combined_auroc"].note


def test_what_is_not_there_is_told():
    view = spots(shape=(8, 8, 1))
    for check in (ood, lambda v, **k: ood.needs(v, **k)):
        with pytest.raises(ConfigError, match=r"'mnst' is neither a dataset nor a foil\. Did you mean 'mnist'"):
            check(view, **PLAIN | {"on": ["mnst"]})
    with pytest.raises(ConfigError, match="expected datasets or foils"):
        ood(view, **PLAIN | {"on": []})
    with pytest.raises(ConfigError, match="this run has none"):
        ood(view, **PLAIN | {"scores": ["elbo", "combined"]})


@pytest.mark.parametrize("name", FOILS)
@pytest.mark.parametrize("kind", ["grey", "binary", "real", "odd"])
def test_a_foil_is_of_the_images_kind(name, kind):
    rng = np.random.default_rng(0)
    x = {
        "grey": lambda: rng.integers(0, 256, (6, 8, 12, 3), np.uint8),
        "binary": lambda: rng.integers(0, 2, (6, 8, 8, 1), np.uint8) * np.uint8(255),
        "real": lambda: rng.normal(size=(6, 4, 4, 1)).astype(np.float32),
        "odd": lambda: rng.random((6, 11, 1, 2), np.float32),
    }[kind]()
    (found,) = foils.made(name, (x,), np.random.default_rng(1), real=kind == "real")
    assert found.shape == x.shape and found.dtype == x.dtype
    (again,) = foils.made(name, (x,), np.random.default_rng(1), real=kind == "real")
    np.testing.assert_array_equal(found, again)
    assert found.min() >= x.min() - 1e-6 or kind != "real"
    if kind == "binary":
        assert set(np.unique(found)) <= {0, 255}
    if name in ("flipped", "flipped_horizontally", "shuffled_patches"):
        np.testing.assert_array_equal(np.sort(found.reshape(6, -1)), np.sort(x.reshape(6, -1)))
    if name == "inverted" and kind != "real":
        np.testing.assert_allclose(
            found.astype(float), (255 if x.dtype == np.uint8 else 1) - x.astype(float), atol=1e-6
        )
    if name == "constant":
        assert (found == found[:, :1, :1]).all()
