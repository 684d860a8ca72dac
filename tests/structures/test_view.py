"""LatentView of several views and of implicit posteriors: parts, draws, rates."""

import numpy as np
import pytest
from parts import config, make_vae

from vaelab.datasets.prepare import load_dataset
from vaelab.view.latent_view import LatentView

CASES = {
    "single implicit": ("dataset=digits", "objective=avb", "posterior=implicit", "latent_dim=3"),
    "single flow": ("dataset=digits", "posterior=realnvp", "latent_dim=3"),
    "single basis": ("dataset=digits", "objective=avb_ac", "posterior=basis", "latent_dim=3"),
    "two levels": ("dataset=digits", "structure=two_level", "structure.levels=[3,2]", "structure.hidden_dim=16"),
    "conjoint gaussian": ("dataset=conjoint_synthetic", "structure=conjoint"),
    "conjoint implicit": (
        "dataset=conjoint_synthetic", "structure=conjoint", "objective=avb", "posterior=implicit",
        "posterior.join=product",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def view(request):
    words = ("model=dense_synthetic", "model.hidden_dims=[16]", "objective.hidden_dims=[16]")
    words = tuple(w for w in words if "objective=" in " ".join(CASES[request.param]) or "objective" not in w)
    cfg = config(*words, *CASES[request.param])
    dataset = load_dataset(cfg["dataset"], data_dir=None, seed=0, validation=True)
    vae = make_vae(*words, *CASES[request.param], shapes=dataset.shapes)
    return LatentView(vae, dataset, name=request.param, seed=0, batch=64)


@pytest.mark.quick(4)
def test_codes_rates_and_distortions(view):
    split = view.split("test")
    n, d = len(split), view.latent_dim
    assert split.mean.shape == split.std.shape == split.z.shape == (n, d)
    assert split.rate.shape == split.distortion.shape == (n,)
    assert np.isfinite(split.rate).all() and (split.std > 0).all()
    assert view.closed_form == ("gaussian" in view.name)
    assert view.has_density == (view.closed_form or "flow" in view.name or "levels" in view.name)
    log_q = view.log_q(split.images(slice(0, 3)), split.z[:3])
    assert (log_q is not None) == view.has_density and (log_q is None or log_q.shape == (3,))
    if view.closed_form:
        np.testing.assert_allclose(split.rate, split.rate_per_latent.sum(1))
    else:
        assert split.rate_per_latent is None


def test_parts_cover_the_latent_vector(view):
    covered = np.concatenate([np.arange(view.latent_dim)[part] for part in view.parts.values()])
    np.testing.assert_array_equal(covered, np.arange(view.latent_dim))
    names = {"conjoint": ["private_1", "private_2", "shared"], "two": ["level_1", "level_2"], "single": ["z"]}
    assert list(view.parts) == names[view.name.partition(" ")[0]]


def test_functions_agree_with_each_other(view):
    images = view.split("test").images(slice(0, 5))
    z = view.split("test").z[:5]
    decoded = view.decode(z)
    assert len(decoded) == view.n_views and decoded[0].shape == images[0].shape
    likelihood = sum(
        (x * np.log(p) + (1 - x) * np.log1p(-p)).sum((1, 2, 3))
        for x, p in zip(images, (d.astype("f8") for d in decoded))
    )
    np.testing.assert_allclose(view.log_prob(images, z), likelihood, rtol=1e-4)
    np.testing.assert_allclose(view.log_prob(images, np.stack([z, z]))[1], likelihood, rtol=1e-4)
    value, gradient = view.grad_log_joint(images, z)
    np.testing.assert_allclose(value, likelihood + view.log_prior(z), rtol=1e-4)
    assert gradient.shape == z.shape
    assert view.posterior_samples("test", 3, slice(0, 5)).shape == (3, 5, view.latent_dim)


@pytest.mark.parametrize("view", [case for case in CASES if "conjoint" in case], indirect=True)
def test_views_are_simulated_independently_given_z(view):
    z = np.zeros((3000, view.latent_dim), np.float32)
    residuals = [(x - p).reshape(3000, -1) for x, p in zip(view.simulate(z, np.random.default_rng(0)), view.decode(z))]
    one, two = (r / r.std(axis=0) for r in residuals)
    assert np.abs((one * two).mean(axis=0)).max() < 5 / np.sqrt(3000)  # pixel by pixel, over draws


@pytest.mark.quick(2)
def test_looking_twice_sees_the_same(view):
    rows = slice(0, 4)
    np.testing.assert_array_equal(view.posterior_samples("test", 2, rows), view.posterior_samples("test", 2, rows))
    again = LatentView(view._vae, view.dataset, name=view.name, seed=0, batch=64)
    np.testing.assert_array_equal(view.split("test").z, again.split("test").z)
    np.testing.assert_array_equal(view.split("test").mean, again.split("test").mean)
