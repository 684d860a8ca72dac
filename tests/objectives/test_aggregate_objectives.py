"""Objectives that look at the codes of a batch as a whole, and iwae's doubly reparameterised gradient."""

import math

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae, moved, one_step, snapshot

from vaelab.errors import ConfigError
from vaelab.objectives.mmd import discrepancy
from vaelab.structures.outputs import Outputs
from vaelab.training.vae import LossContext

X = images((8, 8, 1), 12)


def terms(vae, *, beta=1.0, training=False):
    seen, outputs = vae((X,), training=False)
    likelihood = vae.structure.log_likelihood(seen, outputs.decoded)
    found = vae.objective.losses(seen, outputs, likelihood, LossContext(beta, 1.0, training))
    assert set(found) == {"loss", *vae.objective.terms}
    return {k: float(v) for k, v in found.items()}, outputs


# -- mmd ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_discrepancy_is_the_formula_and_vanishes_where_both_are_alike(kernel):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((30, 3)).astype(np.float32) + shift for shift in (0.0, 0.7))

    def k(x, y):
        d = np.sum((x[:, None] - y[None]) ** 2, axis=-1)
        return sum(2 * 3 * s / (2 * 3 * s + d) if kernel == "imq" else np.exp(-d / (2 * 3 * s)) for s in (0.5, 2.0))

    off = ~np.eye(30, dtype=bool)
    expected = k(a, a)[off].mean() + k(b, b)[off].mean() - 2 * k(a, b).mean()
    assert float(discrepancy(ops.convert_to_tensor(a), ops.convert_to_tensor(b), kernel, [0.5, 2.0])) == pytest.approx(
        expected, abs=1e-5
    )
    pairs = rng.standard_normal((200, 2, 40, 3)).astype(np.float32)
    found = [float(discrepancy(ops.convert_to_tensor(p), ops.convert_to_tensor(q), kernel, [1.0])) for p, q in pairs]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(200) < 0.01 < expected


def test_mmd_between_the_elbo_and_the_autoencoder():
    found, _ = terms(make_vae("model=dense", "objective=mmd", "objective.alpha=0"), beta=1.0)
    assert found["loss"] == pytest.approx(found["distortion"] + found["rate"], rel=1e-6)
    found, _ = terms(make_vae("model=dense", "objective=mmd"), beta=50.0)
    assert found["loss"] == pytest.approx(found["distortion"] + 50 * found["mmd"], rel=1e-5)
    found, _ = terms(make_vae("model=dense", "objective=mmd", "posterior=implicit"), beta=50.0)
    assert set(found) == {"loss", "distortion", "mmd"}


# -- dipvae ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_dipvae_is_the_covariance(kind):
    words = [f"objective.kind={kind}", "objective.off_diagonal=3", "objective.diagonal=5", "latent_dim=3"]
    found, outputs = terms(make_vae("model=dense", "objective=dipvae", *words), beta=2.0)
    mean, std = (ops.convert_to_numpy(v).astype(np.float64) for v in (outputs.q.mean, outputs.q.std))
    s = np.cov(mean.T, bias=True) + (np.diag((std**2).mean(axis=0)) if kind == "ii" else 0)
    expected = 3 * (np.sum(s**2) - np.sum(np.diag(s) ** 2)) + 5 * np.sum((np.diag(s) - 1) ** 2)
    assert found["dip"] == pytest.approx(expected, rel=1e-4)
    assert found["loss"] == pytest.approx(found["distortion"] + 2 * found["rate"] + found["dip"], rel=1e-5)


# -- factorvae ---------------------------------------------------------------------------------------------------------


def test_permuted_codes_keep_each_latent_and_lose_what_binds_them():
    vae = make_vae("model=dense", "objective=factorvae")
    z = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    z = np.stack([z, z], axis=1)
    found = ops.convert_to_numpy(vae.objective.permuted(ops.convert_to_tensor(z), True))
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(z, axis=0))
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.1


@pytest.mark.slow
def test_the_critic_learns_the_total_correlation_of_a_gaussian():
    """Codes of correlation 0.9: TC = -1/2 log(1 - 0.81) = 0.83 nats."""
    import keras

    vae = make_vae("model=dense", "objective=factorvae", "objective.hidden_dims=[32,32]")
    objective, rng = vae.objective, np.random.default_rng(0)

    class Alone(keras.Model):
        def __init__(self):
            super().__init__()
            self.objective, self.built = objective, True

        def call(self, z, training=False):
            return Outputs(z, None, (), None)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.objective.critic_loss(None, y_pred, training)

    z = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 20_000).astype(np.float32)
    alone = Alone()
    alone.compile(optimizer=keras.optimizers.Adam(2e-3))
    alone.fit(z, batch_size=500, epochs=40, verbose=0)
    assert float(ops.mean(objective.held_correlation(z))) == pytest.approx(0.83, abs=0.12)


@pytest.mark.parametrize("term,movers", [("correlation", {"encoder"}), ("critic", {"critic"})])
@pytest.mark.quick(1)
def test_each_term_moves_exactly_its_weights(term, movers):
    vae = make_vae("model=dense", "objective=factorvae", "objective.hidden_dims=[16]")
    losses = {
        "correlation": lambda seen, outputs: ops.mean(vae.objective.held_correlation(outputs.z)),
        "critic": lambda seen, outputs: vae.objective.critic_loss(seen, outputs, True),
    }
    parts = {"encoder": vae.structure.encoder, "decoder": vae.structure.decoder, "critic": vae.objective.critic}
    before = {name: snapshot(part) for name, part in parts.items()}
    one_step(vae, (X,), losses[term])
    assert {name for name, part in parts.items() if moved(before[name], part) > 0} == movers


@pytest.mark.parametrize(
    "words,sentence",
    [
        (["objective=mmd", "prior=mixture"], "has no `draw`"),
        (["objective=mmd", "objective.alpha=0.5", "posterior=implicit"], "weighs the rate"),
        (["objective=dipvae", "prior=mixture"], "that of N.0, I."),
        (["objective=dipvae", "posterior=implicit"], "needs a closed-form"),
        (["objective=factorvae", "posterior=implicit"], "needs the density"),
        (["objective=factorvae", "latent_dim=1"], "two or more"),
    ],
)
def test_what_cannot_be(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_vae("model=dense", *words)


# -- dreg --------------------------------------------------------------------------------------------------------------


def gradients(gradient, n=4000, k=4):
    """Gradients of iwae's loss in the mean of q(z|x) of n copies of an image, (n, D), and the loss."""
    from vaelab.compute.compiled import compiled_gradient
    from vaelab.posteriors.gaussian import GaussianParameters

    vae = make_vae("model=dense", "objective=iwae", f"objective.k={k}", f"objective.gradient={gradient}")
    x = ops.convert_to_tensor(np.repeat(X[:1], n, axis=0))
    eps = np.random.default_rng(0).standard_normal((k, n, 2)).astype(np.float32)
    std = np.full((n, 2), 0.8, np.float32)

    def loss(mean):
        z = mean + 0.8 * eps
        q = GaussianParameters(mean, ops.convert_to_tensor(std), ops.log(std))
        decoded = vae.structure.decode(z)
        outputs = Outputs(z, q, decoded, ops.zeros((n, 1)))
        likelihood = vae.structure.log_likelihood((x,), decoded)
        return ops.reshape(vae.objective.losses((x,), outputs, likelihood, LossContext(1.0, 1.0, True))["loss"], (1,))

    value, found = compiled_gradient(loss)(np.full((n, 2), 0.3, np.float32))
    return found * n, float(value[0])


def test_dreg_is_the_same_gradient_with_less_noise():
    (plain, loss), (dreg, same) = gradients("reparameterised"), gradients("dreg")
    assert same == pytest.approx(loss, rel=1e-6)
    difference = plain - dreg
    assert (np.abs(difference.mean(axis=0)) < 4 * difference.std(axis=0) / math.sqrt(len(difference))).all()
    assert (np.abs(plain.mean(axis=0)) > 10 * plain.std(axis=0) / math.sqrt(len(plain))).all(), "a gradient to speak of"
    assert (dreg.std(axis=0) < plain.std(axis=0)).all()
