"""q(z|x) as a flow: its density is that of its draws, is exact, and closes the gap that a diagonal Gaussian leaves."""

import keras
import numpy as np
import pytest
from keras import ops
from parts import images, make_vae, one_batch
from scipy import stats
from support import rest_slow

from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError, NotApplicable
from vaelab.metrics.ais import ais
from vaelab.metrics.collapse import collapse
from vaelab.metrics.elbo import elbo
from vaelab.metrics.mutual_information import mutual_information
from vaelab.metrics.nll import nll
from vaelab.metrics.rate_per_latent import rate_per_latent
from vaelab.metrics.subset import subset
from vaelab.training import variables
from vaelab.view.latent_view import LatentView

SMALL = ("model=dense", "model.hidden_dims=[16]")
FLOW = ("posterior=realnvp", "posterior.hidden_dims=[8]", "posterior.context_dim=3", "posterior.activation=tanh")
CASES = {
    "context": (1, ()),
    "no context": (1, ("posterior.context_dim=0",)),
    "no hidden layer": (1, ("posterior.hidden_dims=[]", "latent_dim=3")),
    "two views": (2, ("structure=conjoint", "structure.private_dims=[2,3]")),
}


def moved(vae, seed=0, scale=0.4):
    """The model with heads and couplings that are not the first ones."""
    rng = np.random.default_rng(seed)
    for v in vae.structure.trainable_variables:
        if "coupling" in v.path or "context" in v.path:
            v.assign(ops.convert_to_numpy(v.value) + scale * rng.standard_normal(v.shape))
    return vae


def made(case):
    """(model, views) of a case, with weights that are not the first ones."""
    n, words = CASES[case]
    vae = make_vae(*SMALL, *FLOW, *words, shapes=((8, 8, 1),) * n)
    return moved(vae), tuple(images((8, 8, 1), 5, seed=v, binary=True) for v in range(n))


def seen(vae, x):
    """The view of a model on data that are known whole."""
    binary = x[0].shape[1] > 1
    data = Dataset(name="few", train=Split(x=x), test=Split(x=x), values="intensities" if binary else "real")
    return LatentView(vae, data, name="flow", seed=0, batch=64)


@pytest.mark.parametrize("case", rest_slow(CASES, ["context", "two views"]))
def test_the_density_is_that_of_the_draws(case):
    """log q(z|x) = log N(eps; 0, I) - log |det dz/deps|, the determinant by differences."""
    vae, x = made(case)
    structure, d = vae.structure, vae.structure.latent_dim
    eps = np.random.default_rng(1).standard_normal((4, 5, d)).astype(np.float32)
    z = structure.draw(x, ops.convert_to_tensor(eps))
    assert z.shape == (4, 5, d) and structure.eps_dim == d
    np.testing.assert_allclose(structure.draw(x, ops.convert_to_tensor(eps[2])), z[2], rtol=1e-5, atol=1e-5)
    found, step = ops.convert_to_numpy(structure.log_q(x, z)).astype(np.float64), 1e-2
    columns = [
        (structure.draw(x, eps + step * axis) - structure.draw(x, eps - step * axis)) / (2 * step)
        for axis in np.eye(d, dtype=np.float32)
    ]
    jacobian = np.stack([ops.convert_to_numpy(c) for c in columns], axis=-1).astype(np.float64)
    expected = stats.norm.logpdf(eps).sum(axis=-1) - np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(found, expected, atol=3e-2)
    np.testing.assert_allclose(ops.convert_to_numpy(structure.log_q(x, z[1])), found[1], rtol=1e-4, atol=1e-4)
    outputs = structure(x)
    own = structure.log_posterior(outputs.z, outputs.q)
    np.testing.assert_allclose(own, structure.log_q(x, outputs.z), rtol=1e-4, atol=1e-4)
    expected = ops.convert_to_numpy(own) - stats.norm.logpdf(ops.convert_to_numpy(outputs.z)).sum(axis=-1)
    np.testing.assert_allclose(ops.convert_to_numpy(outputs.rate)[:, 0], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("case", rest_slow(["context", "no context"], 1))
def test_the_density_integrates_to_one(case):
    vae, x = made(case)
    view = seen(vae, x)
    drawn = view.sample_posterior(x, 2000, np.random.default_rng(0))
    for i in range(2):
        ends = zip(drawn[:, i].min(axis=0), drawn[:, i].max(axis=0))
        axes = [np.linspace(low - (high - low) / 2, high + (high - low) / 2, 401) for low, high in ends]
        z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 2)
        log_q = view.log_q(tuple(v[i : i + 1] for v in x), z)[:, 0].astype(np.float64)
        cell = np.prod([axis[1] - axis[0] for axis in axes])
        assert np.exp(log_q).sum() * cell == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("case", rest_slow(["context", "two views"], 1))
def test_the_first_flow_is_the_gaussian(case):
    n, words = CASES[case]
    words, shapes = (*SMALL, *words), ((8, 8, 1),) * n
    x = tuple(images((8, 8, 1), 5, seed=v, binary=True) for v in range(n))
    flow, gaussian = make_vae(*words, *FLOW, shapes=shapes), make_vae(*words, "posterior=gaussian", shapes=shapes)
    own, other = (variables.of_model(vae) for vae in (flow, gaussian))
    variables.assign(own, variables.arrays_of(own) | variables.arrays_of(other))
    of_flow, of_gaussian = (vae.structure(x) for vae in (flow, gaussian))
    np.testing.assert_array_equal(of_flow.z, of_gaussian.z)
    log_q = [v.structure.log_posterior(o.z, o.q) for v, o in ((flow, of_flow), (gaussian, of_gaussian))]
    np.testing.assert_allclose(*log_q, rtol=1e-5)
    a, b = seen(flow, x), seen(gaussian, x)
    np.testing.assert_allclose(a.split("test").z, b.split("test").z, rtol=1e-5, atol=1e-6)
    eps = np.random.default_rng(0).standard_normal((3, 5, a.latent_dim)).astype(np.float32)
    for one, other in zip(a.push(x, eps), b.push(x, eps)):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    settings = {"split": "test", "samples": 30, "curve": [], "images": None, "widen": 1.2, "tolerance": 9.0}
    values = [nll(view, **settings)["nll_is30"].value for view in (a, b)]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


# -- the linear-Gaussian model: x = W z + s noise, whose posterior is a correlated Gaussian ----------------------------

S = 0.7


@pytest.fixture(scope="module")
def trained():
    """(view, log p(x), what a diagonal Gaussian lacks in nats, its elbo) of the true decoder.

    The heads are those of the best diagonal Gaussian, of the exact mean and the variances 1 / A_dd for the posterior's
    precision A, and stay; the couplings, linear ones, which contain the truth, learn what it lacks.
    """
    rng = np.random.default_rng(2)
    w = rng.normal(size=(6, 1)) + 0.3 * rng.normal(size=(6, 2))  # columns alike: z is correlated given x
    x = (rng.normal(size=(400, 2)) @ w.T + S * rng.normal(size=(400, 6))).astype(np.float32)
    words = ("model=linear", "likelihood=gaussian", f"likelihood.variance={S**2}", "latent_dim=2", "posterior=realnvp")
    vae = make_vae(*words, "posterior.hidden_dims=[]", "posterior.context_dim=0", shapes=((1, 6, 1),))
    precision = np.eye(2) + w.T @ w / S**2
    for layer, kernel, bias in (
        (vae.structure.decoder.get_layer("parameters"), w.T, np.zeros(6)),
        (vae.structure.posterior.mean_head, w @ np.linalg.inv(precision) / S**2, np.zeros(2)),
        (vae.structure.posterior.rho_head, np.zeros((6, 2)), -np.log(np.diag(precision))),
    ):
        layer.set_weights([kernel, bias])
        layer.trainable = False
    data = x.reshape(-1, 1, 6, 1)
    first = elbo(seen(vae, (data,)), split="test", n_samples=1)["elbo"].value
    for rate in (1e-2, 1e-3):
        vae.compile(optimizer=keras.optimizers.Adam(rate))
        vae.fit(one_batch((data,), repeat=300), epochs=1, verbose=0)
    exact = stats.multivariate_normal(np.zeros(6), w @ w.T + S**2 * np.eye(6)).logpdf(x)
    return seen(vae, (data,)), exact, 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]), first


@pytest.mark.slow
def test_the_flow_closes_the_gap_that_a_diagonal_gaussian_leaves(trained):
    view, exact, lacks, first = trained
    assert lacks > 0.5 and exact.mean() - first == pytest.approx(lacks, rel=0.2)
    part = view.split("test")
    missed = exact + part.distortion + part.rate  # log p(x) less the elbo, of each image
    assert exact.mean() - elbo(view, split="test", n_samples=1)["elbo"].value == pytest.approx(missed.mean(), abs=1e-3)
    assert abs(missed.mean()) < max(4 * missed.std() / 20, 0.01) and missed.std() < 0.1


@pytest.mark.slow
def test_estimators_agree_with_the_exact_value(trained):
    view, exact, _, _ = trained
    found = nll(view, split="test", samples=200, curve=[10], images=50, widen=1.1, tolerance=0.1)
    chosen, _ = subset(view, "test", 50)
    expected = -exact[chosen].mean()
    assert "proposal" not in found["nll_is200"].note and found["nll_is200_ess"].value > 150
    assert abs(found["nll_is200"].value - expected) < max(4 * found["nll_is200_mc_error"].value, 5e-3)
    found = ais(
        view, split="test", images=20, chains=8, temperatures=40, leapfrog_steps=4, step_size=0.3, acceptance=0.7,
        pilot_chains=4, bdmc=True,
    )  # fmt: skip
    chosen, _ = subset(view, "test", 20)
    assert found["nll_ais"].value == pytest.approx(-exact[chosen].mean(), abs=0.15)
    assert found["ais_bdmc_gap"].value == pytest.approx(0, abs=0.3)


def test_what_a_flow_does_not_have_is_said(trained):
    view, *_ = trained
    assert view.has_density and not view.closed_form and view.moment_draws == 100
    found = elbo(view, split="test", n_samples=1)
    assert set(found) == {"elbo", "distortion", "rate"} and "one draw" in found["rate"].note
    with pytest.raises(NotApplicable, match=r"this run's posterior does not have"):
        rate_per_latent(view, split="test")
    with pytest.raises(NotApplicable, match="closed-form"):
        mutual_information(view, split="test", images=None)
    signs = collapse(view, split="test", threshold=0.01, min_rate=0.1, max_mismatch=50.0, images=100)
    assert signs["collapsed"].value == 0 and signs["prior_mismatch"].note.startswith("at least")


@pytest.mark.parametrize(
    "words,sentence",
    [
        (["objective=capacity"], "objective=capacity needs a closed-form.*posterior=realnvp is none"),
        (["objective=tcvae"], "objective=tcvae needs a closed-form"),
        (["objective=dipvae"], "objective=dipvae needs a closed-form"),
        (["objective.free_bits=0.1"], "needs a closed-form"),
        (["objective=avb_ac"], "needs mean and variance"),
        (["objective=iwae", "objective.gradient=dreg"], "holds q.* constant .* objective.gradient=reparameterised"),
        (["prior=vamp"], "use posterior=gaussian"),
        (["prior=exemplar"], "use posterior=gaussian"),
        (["latent_dim=1"], "posterior=realnvp .* needs two or more; this posterior has 1"),
        (["structure=conjoint", "structure.private_dims=[1,2]"], "needs two or more; this private_1 has 1"),
        (["posterior.std=softplus", "posterior.log_var_range=[-6,2]"], "rho is none"),
    ],
)
@pytest.mark.quick(6)
def test_bad_combinations_end_in_a_sentence(words, sentence):
    shapes = ((8, 8, 1),) * (2 if "structure=conjoint" in words else 1)
    with pytest.raises(ConfigError, match=sentence):
        make_vae(*SMALL, *FLOW, *words, shapes=shapes)


@pytest.mark.parametrize(
    "words",
    rest_slow(
        [("objective=vae",), ("objective=iwae",), ("objective=mmd", "objective.alpha=0.5"), ("objective=factorvae",),
         ("objective=avb",), ("prior=realnvp",), ("prior=mixture", "prior.components=3"),
         ("kernel_initializer=he_normal",)],
        2,
    ),
)  # fmt: skip
def test_every_weight_of_the_flow_learns(words):
    vae = make_vae(*SMALL, *FLOW, "latent_dim=3", *words)
    x = images((8, 8, 1), 6, binary=True)
    held = {v.path: v for v in vae.structure.trainable_variables if "coupling" in v.path or "context" in v.path}
    assert sum(path.startswith("posterior/") for path in held) >= 4 * 6 + 2
    first = {path: ops.convert_to_numpy(v.value).copy() for path, v in held.items()}
    assert all(not first[path].any() for path in held if path.rsplit("/", 2)[1][-2:] in ("_s", "_t"))  # the identity
    vae.compile(optimizer=keras.optimizers.SGD(0.1))
    vae.fit(one_batch((x,), repeat=3), epochs=1, verbose=0)
    assert all(not np.array_equal(first[p], ops.convert_to_numpy(v.value)) for p, v in held.items()), words
