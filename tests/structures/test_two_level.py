"""Levels of latents: a model of known likelihood, densities that belong together, and who refuses them."""

import numpy as np
import pytest
from keras import ops
from parts import count, images, make_vae

from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError, NotApplicable
from vaelab.metrics.ais import ais
from vaelab.metrics.collapse import collapse
from vaelab.metrics.elbo import elbo
from vaelab.metrics.nll import nll
from vaelab.metrics.nll_exact import nll_exact
from vaelab.plots.levels import levels
from vaelab.priors.standard import Standard
from vaelab.view.latent_view import LatentView

DIMS, N, VARIANCE, WIDTH = 5, 60, 0.5, 8
SMALL = ("structure=two_level", "structure.hidden_dim=12", "structure.levels=[3,2]", "model=dense",
         "model.hidden_dims=[9]")  # fmt: skip
KINDS = {
    "gaussian": (),
    "gated_conv": ("model=conv_v2", "model.filters=4", "model.dense_dim=8"),
    "three": ("structure.levels=[4,3,2]", "structure.activation=tanh"),
    "flow": ("posterior=realnvp", "posterior.couplings=2", "posterior.hidden_dims=[8]"),
    "vamp": ("prior=vamp", "prior.pseudo_inputs=5"),
    "prior_flow": ("prior=realnvp", "prior.couplings=2", "prior.hidden_dims=[8]"),
    "mixture": ("prior=mixture", "prior.components=3"),
    "condition": ("condition=label",),
    "ladder": ("structure.inference=ladder",),
    "ladder_of_three": ("structure.inference=ladder", "structure.levels=[4,3,2]", "condition=label"),
}
SHAPE, K = (8, 8, 1), 3


def made(kind):
    """(structure whose weights are not its first ones, what it sees of five images)."""
    words = [w for w in (*SMALL, *KINDS[kind]) if "conv" not in kind or "hidden_dims=[9]" not in w]
    vae = make_vae(*words, shapes=(SHAPE,), condition_dim=K if "condition=label" in words else 0)
    rng = np.random.default_rng(0)
    for v in vae.structure.trainable_variables:
        v.assign(ops.convert_to_numpy(v.value) + 0.05 * rng.standard_normal(v.shape))
    given = (np.eye(K, dtype=np.float32)[[0, 2, 1, 0, 1]],) if "condition=label" in words else ()
    return vae, (*vae.preprocessing((images(SHAPE, 5),)), *map(ops.convert_to_tensor, given))


def number(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.quick(2)
def test_the_rate_is_the_sum_over_levels(kind):
    vae, x = made(kind)
    structure = vae.structure
    eps = np.random.default_rng(1).standard_normal((2, 5, structure.latent_dim)).astype(np.float32)
    z = structure.draw(x, ops.convert_to_tensor(eps))
    np.testing.assert_allclose(number(structure.draw(x, ops.convert_to_tensor(eps[1]))), number(z)[1], atol=1e-4)
    log_q, log_p = number(structure.log_q(x, z)), number(structure.prior.log_prob(z))
    by_level = number(structure.rates(x, z[1]))
    assert by_level.shape == (5, structure.levels) == (5, len(structure.rate_parts))
    np.testing.assert_allclose(by_level.sum(axis=1), (log_q - log_p)[1], rtol=1e-4, atol=1e-4)
    for samples, shape in ((None, (5,)), (4, (4, 5))):
        out = structure(x, training=True, samples=samples)
        assert out.z.shape == (*shape, structure.latent_dim) and out.rate.shape[:-1] == shape
        assert sum(p.stop - p.start for p in structure.rate_parts.values()) == out.rate.shape[-1]
        assert structure.log_posterior(out.z, out.q).shape == structure.log_likelihood(x, out.decoded).shape == shape
    np.testing.assert_allclose(
        number(structure.log_posterior(out.z, out.q)), number(structure.log_q(x, out.z)), rtol=1e-4
    )


@pytest.mark.parametrize("kind", ["gaussian", "flow", "vamp", "prior_flow", "ladder"])
@pytest.mark.quick(1)
def test_the_rate_of_training_is_that_of_the_densities_on_average(kind):
    vae, x = made(kind)
    out = vae.structure(x, training=True, samples=4000)
    ratio = number(vae.structure.log_posterior(out.z, out.q)) - number(vae.structure.prior.log_prob(out.z))
    told = number(out.rate).sum(axis=-1)
    error = (ratio - told).std(axis=0) / 4000**0.5
    assert (np.abs((ratio - told).mean(axis=0)) < 4 * error + 1e-3).all()


@pytest.mark.parametrize("kind", ["gaussian", "three", "vamp", "prior_flow"])
@pytest.mark.quick(1)
def test_draws_of_the_prior(kind):
    """In numpy, from prior.npz, as a network of plain Keras and anew from the middle."""
    view = LatentView(made(kind)[0], dataset(), name="it", seed=0)
    arrays, structure = view.prior.arrays, view._structure
    z = view.sample_prior(2000, np.random.default_rng(0))
    other = make_vae(*SMALL, *KINDS[kind], shapes=(SHAPE,)).structure.prior.frozen(arrays)
    np.testing.assert_allclose(other.sample(2000, np.random.default_rng(0)), z, rtol=1e-4, atol=1e-5)
    upper = list(view.parts)[-1]
    anew = view.prior.redraw(z, (upper,), np.random.default_rng(1))
    moved = {name: np.abs(anew[:, part] - z[:, part]).max() > 0.1 for name, part in view.parts.items()}
    assert moved == {name: name == upper for name in view.parts}
    if kind == "gaussian":  # E log p(z) of draws, against the noise they are made of
        log_p = view.log_prior(z)
        std = np.exp(number(structure.below.parameters(0, ops.convert_to_tensor(np.float32(z))).log_std)).prod(axis=1)
        entropy = -0.5 * structure.latent_dim * (1 + np.log(2 * np.pi)) - np.log(std).mean()
        assert log_p.mean() == pytest.approx(entropy, abs=4 * log_p.std() / 2000**0.5)
    if kind != "vamp":
        eps = np.random.default_rng(3).standard_normal((4, structure.latent_dim)).astype(np.float32)
        network, part = structure.prior.exported(), next(iter(view.parts.values()))
        codes = number(network(eps))
        eps[:, part] += 1.0  # of the lowest level: nothing above it moves
        np.testing.assert_array_equal(
            (number(network(eps)) != codes).any(axis=0), np.arange(codes.shape[1]) < part.stop
        )


def dataset():
    split = Split((np.random.default_rng(0).integers(256, size=(12, *SHAPE), dtype=np.uint8),), np.arange(12) % 3)
    return Dataset("own", split, split, class_names=tuple("abc"))


@pytest.fixture(scope="module")
def known():
    """(view, -log p(x) of every image) of z2 ~ N(0, I), z1 = A z2 + a + r eps, x = W1 z1 + W2 z2 + b + s eps.

    q(z2|x) and q(z1|x, z2) have the means of the true posterior, and its deviations without their covariance.
    """
    rng = np.random.default_rng(0)
    spread, a = rng.normal(size=(2, 2)), rng.normal(size=2)  # A', a
    w1, w2, b, r = rng.normal(size=(2, DIMS)), rng.normal(size=(2, DIMS)), rng.normal(size=DIMS), 0.7
    z2 = rng.normal(size=(N, 2))
    z1 = z2 @ spread + a + r * rng.normal(size=(N, 2))
    x = z1 @ w1 + z2 @ w2 + b + VARIANCE**0.5 * rng.normal(size=(N, DIMS))
    vae = make_vae("structure=two_level", "structure.levels=[2,2]", f"structure.hidden_dim={WIDTH}", "model=linear",
                   "structure.activation=linear", "likelihood=gaussian", f"likelihood.variance={VARIANCE}",
                   shapes=((1, DIMS, 1),))  # fmt: skip
    structure = vae.structure
    for v in structure.trainable_variables:
        v.assign(np.zeros(v.shape))

    def passes(network, layer, rows):
        """A layer that hands `rows` inputs on."""
        kernel = network.get_layer(layer).kernel
        kernel.assign(np.eye(*kernel.shape) * (np.arange(kernel.shape[0]) < rows)[:, None])

    def head(layer, kernel, bias, std):
        weight = np.zeros(layer.mean_head.kernel.shape)
        weight[: len(kernel)] = kernel
        layer.mean_head.kernel.assign(weight)
        layer.mean_head.bias.assign(bias)
        layer.rho_head.bias.assign(2 * np.log(std))

    below, decoder = structure.below_joins[0], structure.decoder.get_layer("parameters")
    of_level_1, of_level_2 = structure.joins
    for network, layer, n in ((below, "level_2_in", 2), (below, "joint", 2), (structure.spread, "level_1_in", 2),
                              (structure.spread, "level_2_in", 2), (of_level_1, "level_2_in", 2),
                              (of_level_1, "joint", DIMS + 2), (of_level_2, "joint", DIMS)):  # fmt: skip
        passes(network, layer, n)
    head(structure.below_heads[0], spread, a, np.full(2, r))
    weight = np.zeros((2 * WIDTH, DIMS))
    weight[:2], weight[WIDTH : WIDTH + 2] = w1, w2
    decoder.kernel.assign(weight)
    decoder.bias.assign(b)
    total, offset = spread @ w1 + w2, a @ w1 + b  # x = z2 total + offset + noise of covariance c
    c = r**2 * w1.T @ w1 + VARIANCE * np.eye(DIMS)
    covariance = np.linalg.inv(np.eye(2) + total @ np.linalg.inv(c) @ total.T)
    project = np.linalg.inv(c) @ total.T @ covariance
    head(structure.heads[1], project, -offset @ project, np.sqrt(np.diag(covariance)))
    covariance = np.linalg.inv(np.eye(2) / r**2 + w1 @ w1.T / VARIANCE)
    from_x = w1.T @ covariance / VARIANCE
    from_z2 = (spread / r**2 - w2 @ w1.T / VARIANCE) @ covariance
    head(structure.heads[0], np.concatenate([from_x, from_z2]), (a / r**2 - b @ w1.T / VARIANCE) @ covariance,
         np.sqrt(np.diag(covariance)))  # fmt: skip
    split = Split((x.astype(np.float32).reshape(N, 1, DIMS, 1),))
    view = LatentView(vae, Dataset("own", split, split, values="real"), name="linear", seed=0)
    residual, spread_of_x = x - offset, total.T @ total + c
    exact = 0.5 * (np.einsum("ni,ij,nj->n", residual, np.linalg.inv(spread_of_x), residual)
                   + np.linalg.slogdet(spread_of_x)[1] + DIMS * np.log(2 * np.pi))  # fmt: skip
    return view, exact.mean()


def test_the_estimators_find_the_known_likelihood(known):
    view, exact = known
    assert nll_exact(view, split="test", images=None)["nll_exact"].value == pytest.approx(exact, abs=1e-3)
    settings = {"split": "test", "images": None}
    found = nll(view, samples=400, curve=[], widen=1.2, tolerance=0.05, **settings)
    error = found["nll_is400_mc_error"].value
    assert error < 0.02 and abs(found["nll_is400"].value - exact) < 4 * error + 1e-3
    found = ais(view, chains=8, temperatures=40, leapfrog_steps=3, step_size=0.3, acceptance=0.7, pilot_chains=1,
                bdmc=True, **settings)  # fmt: skip
    error = found["nll_ais_mc_error"].value
    assert error < 0.05 and abs(found["nll_ais"].value - exact) < 4 * error + 1e-3
    assert abs(found["ais_bdmc_gap"].value) < 0.1
    bound = elbo(view, split="test", n_samples=20)
    assert bound["elbo"].value < -exact < bound["elbo"].value + 1.5
    assert bound["rate_level_1"].value + bound["rate_level_2"].value == pytest.approx(bound["rate"].value, abs=1e-3)


def test_a_ladder_is_the_posterior_of_a_linear_model_whose_precisions_add_up():
    """z2 ~ N(0, I), z1 = A z2 + a + r eps, x = W z1 + b + s eps, A diagonal, rows of W orthogonal: what x says of z1
    times p(z1|z2) is q(z1|x, z2), so that log p(x, z) - log q(z|x) = log p(x) at every z."""
    rng = np.random.default_rng(1)
    spread, a, b, r = np.diag([1.3, -0.6]), rng.normal(size=2), rng.normal(size=DIMS), 0.7
    w = np.linalg.qr(rng.normal(size=(DIMS, 2)))[0].T * [[1.5], [0.8]]
    vae = make_vae("structure=two_level", "structure.levels=[2,2]", f"structure.hidden_dim={WIDTH}", "model=linear",
                   "structure.inference=ladder", "structure.activation=linear", "likelihood=gaussian",
                   f"likelihood.variance={VARIANCE}", shapes=((1, DIMS, 1),))  # fmt: skip
    structure = vae.structure
    for v in structure.trainable_variables:
        v.assign(np.zeros(v.shape))
    below, spread_of = structure.below_joins[0], structure.spread
    layers = ((below, "level_2_in"), (below, "joint"), (spread_of, "level_1_in"))
    for network, layer in (*layers, *((join, "joint") for join in structure.joins)):
        kernel = network.get_layer(layer).kernel
        kernel.assign(np.eye(*kernel.shape))
    decoder = structure.decoder.get_layer("parameters")
    decoder.kernel.assign(np.concatenate([w, np.zeros((2 * WIDTH - 2, DIMS))]))
    decoder.bias.assign(b)
    norms = np.sum(w**2, axis=1)
    total, noise = spread @ w, r**2 * w.T @ w + VARIANCE * np.eye(DIMS)  # x = z2 total + a w + b + of this covariance
    covariance = np.linalg.inv(np.eye(2) + total @ np.linalg.inv(noise) @ total.T)
    assert abs(covariance[0, 1]) < 1e-12
    project = np.linalg.inv(noise) @ total.T @ covariance
    for head, kernel, bias, std in (
        (structure.below_heads[0], spread, a, np.full(2, r)),
        (structure.heads[0], w.T / norms, -b @ w.T / norms, np.sqrt(VARIANCE / norms)),
        (structure.heads[1], project, -(a @ w + b) @ project, np.sqrt(np.diag(covariance))),
    ):
        weight = np.zeros(head.mean_head.kernel.shape)
        weight[: len(kernel)] = kernel
        head.mean_head.kernel.assign(weight)
        head.mean_head.bias.assign(bias)
        head.rho_head.bias.assign(2 * np.log(std))
    x = rng.normal(size=(N, DIMS)) @ np.linalg.cholesky(total.T @ total + noise).T + a @ w + b
    seen = (ops.convert_to_tensor(np.float32(x).reshape(N, 1, DIMS, 1)),)
    out = structure(seen, training=False, samples=3)
    log_p = number(structure.log_likelihood(seen, out.decoded)) + number(structure.prior.log_prob(out.z))
    residual, of_x = x - a @ w - b, total.T @ total + noise
    exact = -0.5 * (np.einsum("ni,ij,nj->n", residual, np.linalg.inv(of_x), residual)
                    + np.linalg.slogdet(of_x)[1] + DIMS * np.log(2 * np.pi))  # fmt: skip
    found = log_p - number(structure.log_posterior(out.z, out.q))
    np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), atol=2e-4)


@pytest.mark.slow
def test_a_level_that_says_nothing_is_told(known):
    view, _ = known
    settings = {"split": "test", "threshold": 0.01, "min_rate": 0.1, "max_mismatch": 5.0, "images": 50}
    assert [collapse(view, **settings)[f"collapsed_level_{k}"].value for k in (1, 2)] == [0, 0]
    vae, _ = made("gaussian")
    structure = vae.structure
    for layer in structure.heads[1].mean_head, structure.heads[1].rho_head:
        for v in layer.trainable_variables:
            v.assign(np.zeros(v.shape))  # q(z2|x) = N(0, I)
    found = collapse(LatentView(vae, dataset(), name="it", seed=0), **settings | {"min_rate": 1e-4})
    assert found["collapsed_level_2"].value == 1 and found["collapsed_level_1"].value == 0
    assert "level 2 says nothing" in found["collapsed_level_2"].note
    other = LatentView(vae, dataset(), name="it", seed=0).with_prior(Standard(latent_dim=5))
    assert other.split("test").rate_per_part is None


@pytest.mark.slow
def test_a_picture_of_what_each_level_says():
    from matplotlib.figure import Figure

    view = LatentView(made("condition")[0], conditional(), name="it", seed=0)
    assert isinstance(levels(view, split="test", n=3, draws=2, indices=None), Figure)
    single = LatentView(make_vae("model=dense", shapes=(SHAPE,)), dataset(), name="it", seed=0)
    with pytest.raises(NotApplicable, match="several levels of latents"):
        levels(single, split="test", n=3, draws=2, indices=None)


def conditional():
    from vaelab.conditions import columns
    from vaelab.conditions.label import Label

    return columns.applied(Label(planes=False), "label", dataset())


def test_the_networks_of_the_papers():
    """Gated 784-300-300 and the like: weights and biases of h and g of each layer, heads of 40."""
    vae = make_vae("experiment=dynamic_mnist_hvae", "dataset=digits", shapes=((28, 28, 1),))

    def dense(n, m, gated=True):
        return (n + 1) * m * (1 + gated)

    heads = 2 * dense(300, 40, gated=False)
    q2 = dense(784, 300) + dense(300, 300) + heads
    q1 = dense(784, 300) + dense(40, 300) + dense(600, 300) + heads
    p1 = dense(40, 300) + dense(300, 300) + heads
    x = 2 * dense(40, 300) + dense(600, 300) + dense(300, 784, gated=False)
    assert count(vae.structure) == q2 + q1 + p1 + x
    assert vae.structure.below_heads[0].log_var_range == [-6, 2]


@pytest.mark.parametrize(
    "words,message",
    [
        (["objective=avb", "posterior=implicit"], "needs the density of q.z.x.; posterior=implicit has none"),
        (["structure.levels=[4]"], r"two levels or more, as in \[40, 40\], got \[4\]"),
        (["latent_dim=7"], "it is 5. Got 7; leave latent_dim out"),
        (["objective=tcvae"], "those of several levels of latents are not known. Use structure=single"),
        (["objective.free_bits=0.1", "prior=vamp"], "the rate of each latent in closed form, and that of level_2 has"),
        (["objective.free_bits=[1,2,3]"], r"free_bits: expected one number for each of 2 levels, got \[1, 2, 3\]"),
        (["objective.level_warmup=[5]"], r"level_warmup: expected one number for each of 2 levels, got \[5\]"),
        (["structure.inference=ladder", "posterior=realnvp"], "multiplies Gaussians; posterior=realnvp is none"),
        (["objective=avb_ac"], "objective=avb_ac needs mean .* Use structure=single"),
        (["prior=vamp", "condition=label"], "prior=vamp encodes pseudo-inputs"),
        (["prior=vamp", "posterior=realnvp"], "use posterior=gaussian"),
    ],
)
@pytest.mark.quick(2)
def test_what_cannot_be_ends_in_a_sentence(words, message):
    with pytest.raises(ConfigError, match=message):
        make_vae(*SMALL, *words, shapes=(SHAPE,), condition_dim=K if "condition=label" in words else 0)


def test_two_views_have_one_level():
    with pytest.raises(ConfigError, match="structure=two_level takes one view, this dataset has 2"):
        make_vae(*SMALL, shapes=(SHAPE, SHAPE))
