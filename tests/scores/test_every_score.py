"""Every score is a finite number of each image, whatever lies beside it; those with a closed form have its value."""

import importlib
import math
from functools import cache

import numpy as np
import pytest
from fake_view import Codes, LinearGaussian, spots
from support import rest_slow

from vaelab.config import locate
from vaelab.contracts import ImageScore, optional
from vaelab.errors import ConfigError, NotApplicable
from vaelab.likelihoods.bernoulli import Bernoulli
from vaelab.scores.input_complexity import CODECS, code_length
from vaelab.scores.measure import Made, Ranks, by_name, make, measured, stored

SCORES = locate.options("score")
QUICK = {"samples": 3, "steps": 4, "k": 2}


def part(name):
    module, _, function = locate.node("score", name)[0]["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), function)


def made(name, view, **more) -> Made:
    node = locate.node("score", name)[0]
    return make({**node, **{k: v for k, v in QUICK.items() if k in node}, **more}, view)


@cache
def view_of(kind):
    view = {"grey": lambda: spots(latent_dim=3, shape=(8, 8, 1)),
            "rgb": lambda: spots(latent_dim=3, shape=(8, 8, 3)),
            "two_views": lambda: spots(latent_dim=6, n_views=2, shape=(8, 8, 1)),
            "a_condition": lambda: spots(latent_dim=3, shape=(8, 8, 1), conditional=True),
            "implicit": lambda: spots(latent_dim=3, shape=(8, 8, 1), closed_form=False)}[kind]()  # fmt: skip
    view._splits["validation"] = view.split("train")
    return view


@pytest.mark.parametrize("kind", rest_slow(["grey", "implicit", "a_condition", "rgb", "two_views"], 3))
@pytest.mark.parametrize("name", SCORES)
def test_a_finite_number_of_each_image_by_itself(name, kind):
    view = view_of(kind)
    try:
        score = made(name, view)
    except NotApplicable as error:
        assert kind == "implicit" and 40 < len(str(error)) < 260
        return
    images = stored(view.split("test"))
    order = np.random.default_rng(0).permutation(len(images[0]))
    together = score.of(view.see(images))
    shuffled = score.of(view.see(tuple(v[order] for v in images)))
    alone = np.concatenate([score.of(view.see(tuple(v[i : i + 1] for v in images))) for i in range(5)])
    assert together.shape == (len(images[0]),) and np.isfinite(together).all()
    np.testing.assert_allclose(shuffled, together[order], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(alone, together[:5], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SCORES)
def test_it_says_which_way_is_strange(name):
    """Images whose codes lie three times as far from the middle, with a pattern that no code decodes to."""
    view = view_of("grey")
    score, (own,) = made(name, view), view.split("test").images()
    pattern = 2 * (np.indices((8, 8)).sum(axis=0) % 2)[..., None]
    far = (view.middle[0].reshape(8, 8, 1) + 3 * (own - view.middle[0].reshape(8, 8, 1)) + pattern).astype(np.float32)
    own, far = (score.sign * score.of(view.see((images,))) for images in (own, far))
    assert np.median(far) > np.median(own), name
    assert score.sign == (1 if optional(part(name), ImageScore, "larger_is_stranger") else -1)
    assert "stranger" in part(name).__doc__ and "References:" in part(name).__doc__


def test_mahalanobis_of_a_gaussian():
    codes, std = np.random.default_rng(0).normal(size=(4000, 3)) * [1, 2, 0.5] + [1, 0, -1], 0.3
    view = Codes({"train": (codes, std, {}), "test": (codes[:7], std, {})})
    found = made("mahalanobis", view).of(view.see(view.split("test").x))
    covariance = np.cov(codes.T, bias=True) + std**2 * np.eye(3)
    off = codes[:7] - codes.mean(axis=0)
    np.testing.assert_allclose(found, np.sqrt(np.sum(off @ np.linalg.inv(covariance) * off, axis=1)), rtol=1e-4)


def test_knn_is_the_distance_to_the_kth_training_code():
    codes = np.array([[0.0, 0], [3, 0], [0, 4], [10, 10]])
    view = Codes({"train": (codes, 0.1, {}), "test": (np.zeros((1, 2)), 0.1, {})})
    for k, distance in ((1, 0), (2, 3), (3, 4), (99, math.hypot(10, 10))):
        assert made("knn", view, k=k).of(view.see(view.split("test").x)) == pytest.approx([distance], abs=1e-6)


def test_a_linear_models_nll_is_exact_and_its_regret_what_the_encoder_lost():
    exact = LinearGaussian(latents=1, splits=("train", "test"))
    images = exact.split("test").x
    seen = exact.see(images)
    np.testing.assert_allclose(made("nll", exact, samples=2).of(seen), -exact.exact(images), atol=1e-3)
    regret = made("likelihood_regret", exact, steps=30, samples=20).of(seen)
    assert regret.min() >= 0 and regret.max() < 0.1
    shifted = LinearGaussian(latents=1, splits=("train", "test"), shift=0.8)  # an encoder that misses the mean
    lost = shifted.exact(images) - np.asarray(shifted.see(images).elbo(4000))
    found = made("likelihood_regret", shifted, steps=300, samples=200).of(shifted.see(images))
    np.testing.assert_allclose(found, lost, atol=0.25)


def test_typicality_is_zero_at_the_mean():
    view = LinearGaussian(latents=1, splits=("train", "test"))
    found = made("typicality", view, samples=1).of(view.see(view.split("test").x))
    assert found.min() >= 0
    elbo = made("elbo", view, samples=1).of(view.see(view.split("test").x))
    usual = -float(np.mean(view.split("train").distortion) + np.mean(view.split("train").rate))
    np.testing.assert_allclose(found, np.abs(elbo - usual), rtol=1e-5)


def test_the_least_distortion_of_a_bernoulli_is_the_pixels_entropy():
    flat = np.stack([np.full((4, 4, 1), v, np.float32) for v in (0, 0.5, 0.9, 1)])
    entropy = [0, 16 * math.log(2), -16 * (0.9 * math.log(0.9) + 0.1 * math.log(0.1)), 0]
    found = np.asarray(Bernoulli().least_distortion(flat))
    np.testing.assert_allclose(found, entropy, rtol=1e-5, atol=1e-5)
    inner = np.clip(flat, 1e-6, 1 - 1e-6)
    best = -np.asarray(Bernoulli().log_prob(flat, np.log(inner / (1 - inner))))  # at logit(x)
    np.testing.assert_allclose(found, best, atol=1e-3)


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_needs_less_for_a_flat_image_than_for_noise(codec):
    noise = np.random.default_rng(0).random((1, 28, 28, 3), np.float32)
    flat, noisy = code_length((np.full_like(noise, 0.3),), codec)[0], code_length((noise,), codec)[0]
    assert flat < 0.2 * noisy and noisy > 0.95 * 28 * 28 * 3 * 8 * math.log(2)
    assert code_length((noise[..., :2],), codec).shape == (1,)


def test_ranks_are_shares_of_the_known_images():
    ranks = Ranks(np.array([1.0, 2, 2, 4]), 1)
    np.testing.assert_allclose(ranks.percentile([0, 2, 3, 9]), [0, 50, 75, 100])
    np.testing.assert_allclose(ranks.p_value([0, 2, 3, 9]), [1, 4 / 5, 2 / 5, 1 / 5])
    np.testing.assert_allclose(Ranks(np.array([1.0, 2, 2, 4]), -1).percentile([0, 9]), [100, 0])


def test_the_combination_is_of_its_scores_ranks():
    view = view_of("grey")
    seen = view.see(view.split("test").x)
    single, known = made("knn", view, k=10), view.split("validation").x
    p = Ranks(measured(view, {"knn": single}, known)["knn"], 1).p_value(single.of(seen))
    np.testing.assert_allclose(made("combined", view, of=["knn"]).of(seen), -np.log(p))
    both = made("combined", view, of=["knn", "elbo"]).of(seen) + np.log(p)
    np.testing.assert_allclose(both, made("combined", view, of=["elbo"]).of(seen), rtol=1e-6)


def test_what_cannot_be_is_told():
    with pytest.raises(ConfigError, match=r"metrics\.ood\.scores: there is no score 'kn'\. Did you mean 'knn'"):
        by_name(["kn"], view_of("grey"), "metrics.ood.scores")
    with pytest.raises(NotApplicable, match="this run has none"):
        made("combined", spots(shape=(8, 8, 1)))
    with pytest.raises(NotApplicable, match="real numbers"):
        made("input_complexity", LinearGaussian(splits=("train", "test")))
