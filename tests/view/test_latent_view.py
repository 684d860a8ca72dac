"""LatentView: numpy in and out, equal to what the model itself says."""

import logging

import numpy as np
import pytest
from scipy import stats
from support import BACKEND

import vaelab


@pytest.fixture(scope="module")
def run(digits_run):
    from vaelab.api.run import Run

    return Run(digits_run[1])


def test_notebook_api(run):
    images = np.zeros((3, 8, 8, 1), np.uint8)
    mean, std = run.encode(images)
    assert mean.shape == std.shape == (3, 2) and (std > 0).all()
    assert run.decode([0.0, 1.0]).shape == (1, 8, 8, 1)
    assert run.sample(5).shape == (5, 8, 8, 1)
    assert run.config["latent_dim"] == 2 and "test/elbo" in run.metrics and len(run.history) == 2
    assert vaelab.load(run.folder.path).config == run.config


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow alone warns of tracings")
def test_many_runs_in_one_notebook_bring_no_warning(run):
    """TensorFlow warns of a function traced five times in a row: each run's own function is traced once."""
    import tensorflow as tf

    records, handler = [], logging.Handler()
    handler.emit = records.append
    tf.get_logger().addHandler(handler)
    try:
        for _ in range(7):
            vaelab.load(run.folder.path).decode([0.0, 1.0])
    finally:
        tf.get_logger().removeHandler(handler)
    assert not [r.getMessage() for r in records]


def test_log_prob_is_the_bernoulli_cross_entropy(run):
    view, z = run.view, np.array([[0.3, -0.7]], np.float32)
    x = view.split("test").images(slice(0, 1))[0]
    p = view.decode(z)[0].astype(np.float64)
    expected = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum()
    assert view.log_prob((x,), z)[0] == pytest.approx(expected, rel=1e-4)


def test_sample_axis_and_padding_change_nothing(run):
    view = run.view
    images = view.split("test").images(slice(0, 7))
    z = view.rng("metrics").standard_normal((5, 7, 2)).astype(np.float32)
    together = view.log_prob(images, z)
    one_by_one = np.stack([view.log_prob(images, z[s]) for s in range(5)])
    np.testing.assert_allclose(together, one_by_one, rtol=1e-5)


def test_log_q_and_prior_against_scipy(run):
    view = run.view
    images, z = view.split("test").images(slice(0, 4)), np.ones((4, 2), np.float32)
    mean, std = view.encode(images)
    np.testing.assert_allclose(view.log_q(images, z), stats.norm(mean, std).logpdf(z).sum(1), rtol=1e-5)
    np.testing.assert_allclose(view.log_prior(z), stats.norm.logpdf(z).sum(1), rtol=1e-6)


def test_gradient_against_finite_differences(run):
    view = run.view
    images, z = view.split("test").images(slice(0, 2)), np.array([[0.2, -0.1], [1.0, 0.5]], np.float32)
    values, gradient = view.grad_log_joint(images, z)
    np.testing.assert_allclose(values, view.log_prob(images, z) + view.log_prior(z), rtol=1e-5)
    step = 1e-2
    for d in range(2):
        shift = np.zeros(2, np.float32)
        shift[d] = step
        up, down = (view.log_prob(images, z + s) + view.log_prior(z + s) for s in (shift, -shift))
        np.testing.assert_allclose(gradient[:, d], (up - down) / (2 * step), rtol=0.02, atol=0.02)


def test_looking_does_not_change_what_is_seen(run):
    view = run.view
    before = view.split("test").z.copy()
    view.posterior_samples("test", 3)
    view.split("train").distortion  # noqa: B018 (computed on purpose)
    from vaelab.api.run import Run

    np.testing.assert_array_equal(before, Run(run.folder.path).view.split("test").z)


def test_backend_is_the_runs(run):
    assert run.config["backend"] == BACKEND


def test_simulated_images_follow_the_likelihood(run):
    view = run.view
    z = np.tile(np.array([[0.5, -0.5]], np.float32), (4000, 1))
    (drawn,) = view.simulate(z, view.rng("metrics"))
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0), view.decode(z[:1])[0][0], atol=0.04)


def test_other_rows_get_other_draws(run):
    one, two = (run.view.posterior_samples("test", 2, slice(k, k + 5)) for k in (0, 5))
    split = run.view.split("test")
    eps = [(draws - split.mean[k : k + 5]) / split.std[k : k + 5] for draws, k in ((one, 0), (two, 5))]
    assert not np.allclose(eps[0], eps[1])
