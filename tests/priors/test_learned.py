"""Priors that learn: densities that integrate to one, draws from them, exact answers on the linear-Gaussian model."""

import keras
import numpy as np
import pytest
from fake_view import FakeView, LinearGaussian
from keras import ops
from parts import config, make_vae, one_batch
from scipy import stats
from scipy.special import logsumexp
from support import rest_slow

from vaelab.datasets.base import DataFacts
from vaelab.errors import ConfigError
from vaelab.metrics.ais import ais
from vaelab.metrics.nll import nll
from vaelab.priors.exemplar import Exemplar
from vaelab.priors.mixture import Mixture
from vaelab.priors.realnvp import RealNVP
from vaelab.priors.standard import Standard
from vaelab.priors.vamp import Vamp
from vaelab.view.prior_view import NumpyPrior

KINDS = ["mixture", "vamp", "exemplar", "realnvp"]
FACTS = DataFacts(((1, 6, 1),), n_images=30)


def encode(views):
    """A Gaussian q(z|x) of two latents whose moments follow the image."""
    flat = ops.reshape(views[0], (-1, 6))
    return 3.0 * flat[:, :2] - 1.5, 0.7 + ops.abs(flat[:, 2:4])


def moved(prior, seed=0, scale=0.5):
    """The prior with weights that are not its first ones."""
    rng = np.random.default_rng(seed)
    for v in prior.trainable_variables:
        v.assign(ops.convert_to_numpy(v.value) + scale * rng.standard_normal(v.shape))
    return prior


def made(kind):
    """A prior of two latents that is no Gaussian, the same each time."""
    keras.utils.set_random_seed(0)
    if kind == "mixture":
        return moved(Mixture(components=4, spread=1.5, latent_dim=2))
    if kind == "realnvp":
        flow = RealNVP(couplings=4, hidden_dims=[8], activation="tanh", bound=1.0, latent_dim=2)
        return moved(flow, scale=0.3)
    if kind == "exemplar":
        return exemplar()
    vamp = Vamp(pseudo_inputs=5, start_from="noise", start_mean=0.5, start_std=0.0, latent_dim=2)
    vamp.connect(encode, FACTS, 0)
    return moved(vamp)


def exemplar(**settings):
    """An exemplar prior over 30 images."""
    prior = Exemplar(**{"terms": 29, "choose": "nearest", "first_std": 0.6, **settings}, latent_dim=2)
    prior.connect(encode, FACTS, 0)
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 6, 1)).astype(np.uint8)
    prior.start((images,), np.random.default_rng(0))
    prior.renew()
    return prior


def seen(prior, arrays=None):
    return NumpyPrior(prior, prior.latent_dim, lambda: np.random.default_rng(0), arrays)


def grid(edge=14.0, n=561):
    axis = np.linspace(-edge, edge, n)
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return z, (axis[1] - axis[0]) ** 2


@pytest.mark.parametrize("kind", KINDS)
def test_density_and_draws_are_of_one_distribution(kind):
    view = seen(made(kind))
    z, cell = grid()
    density = np.exp(view.log_density(z)) * cell
    assert density.sum() == pytest.approx(1, abs=2e-3)
    drawn, mean = view.sample(40_000, np.random.default_rng(1)), density @ z
    spread = np.sqrt(density @ (z - mean) ** 2)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * spread.max() / 200)
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.03)
    for d in range(2):  # each latent by itself, against the density summed over the other
        order = np.argsort(z[:, d], kind="stable")
        law = np.cumsum(density[order])
        share = np.interp(drawn[:, d], z[order, d], law)
        assert stats.kstest(share[:4000], "uniform").pvalue > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_and_numpy_agree(kind):
    prior = made(kind)
    z = 2 * np.random.default_rng(3).standard_normal((3, 50, 2)).astype(np.float32)
    np.testing.assert_allclose(
        ops.convert_to_numpy(prior.log_prob(ops.convert_to_tensor(z))), seen(prior).log_density(z), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_hold_the_whole_prior(kind):
    """What a run's prior.npz keeps makes the same draws in a prior of other first weights."""
    prior, other = made(kind), made(kind)
    arrays = seen(moved(prior, seed=7)).arrays
    same = [seen(p, a).sample(5, np.random.default_rng(0)) for p, a in ((prior, None), (other, arrays))]
    np.testing.assert_allclose(*same, rtol=1e-5)


def test_a_mixture_is_drawn_from_by_numpy_alone():
    arrays = seen(made("mixture")).arrays
    rng = np.random.default_rng(0)
    k = rng.choice(4, 50_000, p=np.exp(arrays["log_weights"]) / np.exp(arrays["log_weights"]).sum())
    z = arrays["mean"][k] + arrays["std"][k] * rng.standard_normal((50_000, 2))
    np.testing.assert_allclose(z.mean(axis=0), seen(made("mixture")).mean, atol=0.05)


def test_the_flow_is_exactly_undone_and_exports():
    flow = made("realnvp")
    eps = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
    z = flow.from_noise(ops.convert_to_tensor(eps))
    back, log_det = flow.to_noise(z)
    np.testing.assert_allclose(ops.convert_to_numpy(back), eps, atol=1e-4)
    np.testing.assert_allclose(
        ops.convert_to_numpy(flow.exported()(eps)), ops.convert_to_numpy(z), rtol=1e-4, atol=1e-4
    )
    step = 1e-2  # the determinant by differences
    columns = [
        (flow.to_noise(z + step * axis)[0] - flow.to_noise(z - step * axis)[0]) / (2 * step)
        for axis in np.eye(2, dtype=np.float32)
    ]
    jacobian = np.stack([ops.convert_to_numpy(c) for c in columns], axis=-1)
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], ops.convert_to_numpy(log_det), atol=2e-2)


def test_the_first_flow_is_the_standard_normal():
    flow = RealNVP(couplings=3, hidden_dims=[8, 8], activation="relu", bound=2.0, latent_dim=3)
    z = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    np.testing.assert_allclose(ops.convert_to_numpy(flow.log_prob(z)), Standard(latent_dim=3).log_density(z), rtol=1e-5)


def test_vamp_is_the_aggregate_posterior_of_its_inputs():
    vamp = Vamp(pseudo_inputs=5, start_from="images", start_mean=0.5, start_std=0.0, latent_dim=2)
    vamp.connect(encode, FACTS, 0)
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 6, 1)).astype(np.uint8)
    vamp.start((images,), np.random.default_rng(0))
    inputs = ops.convert_to_numpy(vamp.inputs[0].value)
    pool = {im.tobytes() for im in images}
    assert len({np.round(255 * u).astype(np.uint8).tobytes() for u in inputs} & pool) == 5
    mean, std = (ops.convert_to_numpy(a) for a in encode((inputs,)))
    z = np.random.default_rng(1).standard_normal((7, 2)).astype(np.float32)
    expected = logsumexp(stats.norm(mean, std).logpdf(z[:, None]).sum(axis=-1), axis=1) - np.log(5)
    np.testing.assert_allclose(ops.convert_to_numpy(vamp.log_prob(z)), expected, rtol=1e-4)


def left_out(prior, z, row):
    """log p(z) without image `row`, (n,)."""
    codes = np.delete(ops.convert_to_numpy(prior.codes.value), row, axis=0)
    return logsumexp(stats.norm(codes, 0.6).logpdf(z[:, None]).sum(axis=-1), axis=1) - np.log(29)


def test_an_exemplar_is_left_out_of_its_own_prior():
    """With all others as neighbours the sum is complete."""
    z, rows = 2 * np.random.default_rng(5).standard_normal((4, 2)).astype(np.float32), np.array([3, 0, 29, 3])
    prior = exemplar()
    found = ops.convert_to_numpy(prior.training_log_prob(ops.convert_to_tensor(z), rows))
    expected = [left_out(prior, z[i : i + 1], row)[0] for i, row in enumerate(rows)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    fewer = ops.convert_to_numpy(exemplar(terms=10).training_log_prob(ops.convert_to_tensor(z), rows))
    assert (fewer <= found + 1e-5).all() and (fewer > found - np.log(3)).all()  # the nearest have most of the mass


@pytest.mark.slow
def test_a_random_share_of_exemplars_is_right_on_average():
    z, rows = np.random.default_rng(5).standard_normal((2, 2)).astype(np.float32), np.array([3, 0])
    prior = exemplar(terms=20, choose="random")
    draws = [ops.convert_to_numpy(prior.training_log_prob(ops.convert_to_tensor(z), rows)) for _ in range(400)]
    expected = np.exp([left_out(prior, z[i : i + 1], row)[0] for i, row in enumerate(rows)])
    found = np.exp(draws)
    assert (np.abs(found.mean(axis=0) - expected) < 4 * found.std(axis=0) / 20).all() and found.std() > 0


# -- the linear-Gaussian model -----------------------------------------------------------------------------------------


class Known(LinearGaussian):
    """z ~ a prior of two latents, x|z ~ N(W z + b, s^2 I)."""

    grad_log_joint = FakeView.grad_log_joint

    def mixture(self, weights, means, stds):
        """log p(x) of the test images where p(z) is a mixture of Gaussians, (N,)."""
        x = self.split("test").images()[0][:, 0, :, 0].astype(np.float64)
        noise = self.s**2 * np.eye(len(self.b))
        each = [
            stats.multivariate_normal(self.w @ m + self.b, (self.w * s**2) @ self.w.T + noise).logpdf(x)
            for m, s in zip(means, stds)
        ]
        return logsumexp(np.stack(each, axis=1) + np.log(weights), axis=1)

    def integrated(self):
        """log p(x) of the test images by a sum over a grid of z, (N,)."""
        z, cell = grid(9.0, 361)
        x, log_prior = self.split("test").images(), self.log_prior(z)
        by_image = [
            logsumexp(self.log_prob((x[0][i : i + 1],), z[:, None])[:, 0] + log_prior) for i in range(len(x[0]))
        ]
        return np.array(by_image) + np.log(cell)


def estimates(view, samples=4000):
    score = nll(view, split="test", samples=samples, curve=[], images=None, widen=1.3, tolerance=0.1)
    return score[f"nll_is{samples}"], score[f"nll_is{samples}_mc_error"].value


def containing_the_truth(kind):
    """A prior of this kind whose weights make it N(0, I)."""
    if kind == "mixture":
        return Mixture(components=4, spread=0.0, latent_dim=2)
    if kind == "realnvp":
        return RealNVP(couplings=4, hidden_dims=[8], activation="relu", bound=1.0, latent_dim=2)
    if kind == "exemplar":
        prior = Exemplar(terms=3, choose="nearest", first_std=1.0, latent_dim=2)
    else:
        prior = Vamp(pseudo_inputs=5, start_from="noise", start_mean=0.5, start_std=0.1, latent_dim=2)
    prior.connect(lambda views: (ops.zeros((5, 2)), ops.ones((5, 2))), FACTS, 0)
    return prior


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_that_contains_the_truth_gives_the_exact_value(kind):
    view = Known(latents=2, n=30, prior=containing_the_truth(kind))
    exact = -view.exact(view.split("test").images()).mean()
    score, error = estimates(view)
    assert score.doubt is None and abs(score.value - exact) < 4 * error < 0.1


@pytest.mark.parametrize("kind", rest_slow(["mixture", "vamp", "exemplar"], 1))
def test_nll_and_ais_of_a_known_mixture(kind):
    prior = made(kind)
    view = Known(latents=2, n=20, s=1.0, prior=prior)
    arrays = prior.frozen().arrays
    weights = np.exp(arrays["log_weights"] - logsumexp(arrays["log_weights"]))
    exact = view.mixture(weights, arrays["mean"], arrays["std"])
    np.testing.assert_allclose(view.integrated(), exact, atol=5e-3)
    score, error = estimates(view)
    assert error is not None and abs(score.value + exact.mean()) < 4 * error
    found = ais(
        view, split="test", images=None, chains=16, temperatures=60, leapfrog_steps=5, step_size=0.3, acceptance=0.7,
        pilot_chains=4, bdmc=True,
    )  # fmt: skip
    assert abs(found["nll_ais"].value + exact.mean()) < max(4 * (found["nll_ais_mc_error"].value or 0), 0.1)
    assert found["ais_bdmc_lower"].value <= found["ais_bdmc_upper"].value + 0.05


def test_nll_of_a_flow_is_the_integral():
    view = Known(latents=2, n=12, s=1.0, prior=made("realnvp"))
    score, error = estimates(view)
    assert abs(score.value + view.integrated().mean()) < max(4 * (error or 0), 0.03)


# -- in a model --------------------------------------------------------------------------------------------------------

WORDS = {
    "mixture": ["prior.components=3"],
    "vamp": ["prior.pseudo_inputs=6"],
    "exemplar": ["prior.terms=3"],
    "realnvp": ["prior.couplings=2", "prior.hidden_dims=[8]", "prior.activation=tanh"],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.quick(1)
def test_a_model_trains_its_prior_by_the_rate_of_a_draw(kind):
    from vaelab.build import build
    from vaelab.training.initializers import start_prior
    from vaelab.training.variables import of_model

    cfg, facts = config("model=dense", "model.hidden_dims=[8]", f"prior={kind}", *WORDS[kind]), ((8, 8, 1),)
    vae = build(cfg, DataFacts(facts, n_images=6))
    x = (np.random.default_rng(0).random((6, 8, 8, 1)) > 0.5).astype(np.float32)
    start_prior(vae, (x,), 0)
    outputs = vae.structure((ops.convert_to_tensor(x),))
    assert tuple(outputs.rate.shape) == (6, 1)
    z, mean, std = (ops.convert_to_numpy(v).astype(np.float64) for v in (outputs.z, outputs.q.mean, outputs.q.std))
    log_q = stats.norm(mean, std).logpdf(z).sum(axis=1)
    expected = log_q - seen(vae.structure.prior).log_density(z)
    np.testing.assert_allclose(ops.convert_to_numpy(outputs.rate)[:, 0], expected, rtol=1e-3, atol=1e-3)
    held = {id(v) for v in vae.structure.prior.trainable_variables}
    own = {path: v for path, v in of_model(vae).items() if id(v) in held}
    assert own and all(path.startswith("prior/") for path in own) and len(own) == len(held)
    before = {path: ops.convert_to_numpy(v.value) for path, v in own.items()}
    vae.compile(optimizer=keras.optimizers.SGD(0.1))
    batch = (x, np.arange(6, dtype=np.int32)) if vae.reads_rows else (x,)
    vae.fit(one_batch(batch), epochs=2, verbose=0)  # a flow's nets move once their last layers have left 0
    changed = {path for path, v in own.items() if not np.array_equal(before[path], ops.convert_to_numpy(v.value))}
    assert changed == set(own)


@pytest.mark.parametrize(
    "words,facts,sentence",
    [
        (["prior=mixture", "objective=capacity"], {}, "needs the rate of each latent in closed form"),
        (["prior=realnvp", "objective=capacity"], {}, "needs the rate of each latent in closed form"),
        (["prior=vamp", "objective=tcvae"], {}, "no product"),
        (["prior=vamp"], {"data_kind": "real"}, "real numbers. Use prior=mixture"),
        (["prior=vamp", "posterior=implicit", "objective=avb"], {}, "use posterior=gaussian"),
        (["prior=vamp", "posterior=basis", "objective=avb_ac"], {}, "use posterior=gaussian"),
        (["prior=vamp"], {"n_images": 499}, "prior.pseudo_inputs=500 are more than the 499 training images"),
        (["prior=exemplar", "prior.terms=300"], {"n_images": 300}, "must be fewer than the 300 training images"),
        (["prior=realnvp", "posterior=implicit", "objective=avb"], {}, "moves no weight of a prior"),
        (["prior=exemplar", "objective=iwae"], {"n_images": 300}, "leaves an image out of its own prior"),
        (["prior=realnvp", "latent_dim=1"], {}, "needs two or more"),
    ],
)
@pytest.mark.quick(6)
def test_bad_combinations_end_in_a_sentence(words, facts, sentence):
    from vaelab.build import build

    with pytest.raises(ConfigError, match=sentence):
        build(config("model=dense", *words), DataFacts(((8, 8, 1),), **facts))


def test_a_structure_that_does_not_tell_images_apart_is_refused_beside_exemplars(monkeypatch):
    from vaelab.build import build
    from vaelab.structures.single import Single

    monkeypatch.setattr(Single, "call", lambda self, x, training=False, samples=None: None)
    cfg, facts = config("model=dense", "prior=exemplar"), DataFacts(((8, 8, 1),), n_images=100)
    with pytest.raises(ConfigError, match=r"prior=exemplar asks .* Single\.call takes no rows"):
        build(cfg, facts)


def test_the_rate_of_each_latent_is_said_to_be_absent():
    from vaelab.datasets.base import Dataset, Split
    from vaelab.errors import NotApplicable
    from vaelab.jobs.stored import planned_view
    from vaelab.metrics.rate_per_latent import needs

    vae = make_vae("model=dense", "prior=mixture")
    few = Split(x=(np.zeros((3, 8, 8, 1), np.uint8),))
    dataset = Dataset(name="few", train=few, test=few)
    with pytest.raises(NotApplicable, match=r"prior \(mixture\)"):
        needs(planned_view(vae.structure, dataset), split="test")
