"""Objectives on a closed-form q(z|x): each is its formula, and says no where there is no such q."""

import math

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae
from scipy import stats
from support import rest_slow

from vaelab.errors import ConfigError
from vaelab.training.vae import LossContext

X = images((8, 8, 1), 6)


def terms(vae, *, beta=1.0, capacity=1.0):
    """(the objective's terms as floats, outputs, log-likelihood) on one evaluation pass over X."""
    seen, outputs = vae((X,), training=False)
    likelihood = vae.structure.log_likelihood(seen, outputs.decoded)
    found = vae.objective.losses(seen, outputs, likelihood, LossContext(beta, capacity, False))
    assert set(found) == {"loss", *vae.objective.terms}
    return {k: float(v) for k, v in found.items()}, outputs, ops.convert_to_numpy(likelihood).astype(np.float64)


def numbers(outputs):
    """z, mean, std as float64."""
    return (ops.convert_to_numpy(v).astype(np.float64) for v in (outputs.z, outputs.q.mean, outputs.q.std))


@pytest.mark.parametrize("objective", rest_slow(["tcvae", "vae", "capacity", "iwae"], 1))
def test_no_closed_form_no_training(objective):
    for posterior in ("implicit", "basis"):
        needed = "the density of" if objective in ("vae", "iwae") else "a closed-form"
        with pytest.raises(ConfigError, match=f"objective={objective} needs {needed} q.*posterior={posterior}"):
            make_vae("model=dense", f"objective={objective}", f"posterior={posterior}")


def test_free_bits_are_paid_but_not_counted():
    plain, outputs, _ = terms(make_vae("model=dense", "latent_dim=3"), beta=2)
    free, _, _ = terms(make_vae("model=dense", "latent_dim=3", "objective.free_bits=0.05"), beta=2)
    per_latent = ops.convert_to_numpy(outputs.rate).mean(0)
    assert free["rate"] == plain["rate"] == pytest.approx(per_latent.sum(), rel=1e-5)
    assert free["loss"] == pytest.approx(plain["distortion"] + 2 * np.maximum(per_latent, 0.05).sum(), rel=1e-5)


def test_each_level_has_free_bits_and_a_warmup_of_its_own():
    words = ("model=dense", "structure=two_level", "structure.levels=[3,2]", "structure.hidden_dim=8")
    plain, outputs, _ = terms(make_vae(*words))
    bits = np.array([0.1] * 3 + [0.4] * 2)
    paid = np.maximum(ops.convert_to_numpy(outputs.rate).mean(0), bits)
    vae = make_vae(*words, "objective.free_bits=[0.1,0.4]", "objective.level_warmup=[0,8]")
    found, outputs, likelihood = terms(vae, beta=2)
    assert found["rate_level_2"] == plain["rate_level_2"] > 0
    assert found["loss"] == pytest.approx(plain["distortion"] + 2 * paid.sum(), rel=1e-5)  # evaluation is of the end
    for epoch, weight in ((1.0, 1 / 8), (4.0, 0.5), (8.0, 1.0), (99.0, 1.0)):
        loss = vae.objective.losses(
            (X,), outputs, ops.convert_to_tensor(np.float32(likelihood)), LossContext(2.0, 1.0, True, epoch)
        )
        wanted = plain["distortion"] + 2 * (paid[:3].sum() + weight * paid[3:].sum())
        assert float(loss["loss"]) == pytest.approx(wanted, rel=1e-5)
    for setting in ("free_bits=[1,2]", "level_warmup=[5]"):
        with pytest.raises(ConfigError, match="is for latents in several levels: use structure=two_level"):
            make_vae("model=dense", f"objective.{setting}")


def test_capacity():
    vae = make_vae("model=dense", "objective=capacity", "objective.capacity=8", "objective.gamma=10")
    found, _, _ = terms(vae, capacity=0.25)
    assert found["loss"] == pytest.approx(found["distortion"] + 10 * abs(found["rate"] - 2.0), rel=1e-6)


def test_tcvae_terms_are_minibatch_weighted_sampling():
    vae = make_vae("model=dense", "objective=tcvae", "latent_dim=3", "objective.alpha=0.5", "objective.gamma=2")
    found, outputs, _ = terms(vae, beta=6)
    z, mean, std = numbers(outputs)
    each = stats.norm(mean[None], std[None]).logpdf(z[:, None])  # z_i under q(.|x_j)
    log_m = math.log(len(X))  # the paper's log(N M) without the constant log N
    log_q = np.logaddexp.reduce(each.sum(-1), axis=1) - log_m
    log_q_each = (np.logaddexp.reduce(each, axis=1) - log_m).sum(-1)
    own, prior = stats.norm(mean, std).logpdf(z).sum(-1), stats.norm.logpdf(z).sum(-1)
    expected = {
        "mutual_information": (own - log_q).mean(),
        "total_correlation": (log_q - log_q_each).mean(),
        "dimension_wise_rate": (log_q_each - prior).mean(),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name
    assert sum(expected.values()) == pytest.approx((own - prior).mean())  # the rate, by one sample
    loss = found["distortion"] + found["rate"] - 0.5 * found["mutual_information"] + 5 * found["total_correlation"]
    assert found["loss"] == pytest.approx(loss + found["dimension_wise_rate"], rel=1e-5)


def test_tcvae_with_unit_weights_is_the_elbo():
    one, _, _ = terms(make_vae("model=dense", "objective=tcvae"))
    assert one["loss"] == pytest.approx(one["distortion"] + one["rate"], rel=1e-6)


def test_a_code_that_says_nothing_has_no_term():
    from vaelab.objectives.tcvae import parts
    from vaelab.posteriors.gaussian import GaussianParameters
    from vaelab.priors.standard import Standard

    z = ops.convert_to_tensor(np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32))
    q = GaussianParameters(ops.zeros_like(z), ops.ones_like(z), ops.zeros_like(z))
    assert [float(v) for v in parts(z, q, Standard(latent_dim=z.shape[-1]).log_prob)] == pytest.approx(
        [0.0, 0.0, 0.0], abs=1e-4
    )


def test_total_correlation_of_independent_latents_is_near_zero():
    from vaelab.objectives.tcvae import parts
    from vaelab.posteriors.gaussian import GaussianParameters
    from vaelab.priors.standard import Standard

    rng = np.random.default_rng(0)
    for rho, expected in ((0.0, 0.0), (0.9, -0.5 * math.log(1 - 0.81))):
        covariance = np.array([[1, rho], [rho, 1]]) - 0.04 * np.eye(2)
        mean = rng.multivariate_normal([0, 0], covariance, 2000).astype(np.float32)
        std = np.full_like(mean, 0.2)
        z = ops.convert_to_tensor(mean + std * rng.standard_normal(mean.shape).astype(np.float32))
        q = GaussianParameters(*map(ops.convert_to_tensor, (mean, std, np.log(std))))
        found = [float(v) for v in parts(z, q, Standard(latent_dim=z.shape[-1]).log_prob)]
        assert found[1] == pytest.approx(expected, abs=0.1)


def test_iwae_is_the_bound():
    vae = make_vae("model=dense", "objective=iwae", "objective.k=7")
    found, outputs, likelihood = terms(vae)
    z, mean, std = numbers(outputs)
    assert z.shape == (7, 6, 2) and likelihood.shape == (7, 6)
    log_w = likelihood + stats.norm.logpdf(z).sum(-1) - stats.norm(mean, std).logpdf(z).sum(-1)
    bound = np.logaddexp.reduce(log_w, axis=0) - math.log(7)
    assert found["loss"] == pytest.approx(-bound.mean(), rel=1e-5)
    assert found["loss"] < found["distortion"] + found["rate"] + 0.5


def test_iwae_gradient_is_the_weighted_one_of_the_paper():
    from vaelab.compute.compiled import compiled_gradient

    vae = make_vae("model=dense", "objective=iwae", "objective.k=5")
    seen, outputs = vae((X,), training=False)
    q = outputs.q
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6, 5, 2)).astype(np.float32)  # (B, S, D): one row of samples per image

    def log_w(codes):
        codes = ops.swapaxes(codes, 0, 1)
        likelihood = vae.structure.log_likelihood(seen, vae.structure.decode(codes))
        prior = -0.5 * ops.sum(ops.square(codes) + math.log(2 * math.pi), axis=-1)
        return likelihood + prior - vae.structure.log_posterior(codes, q)  # (S, B)

    bound = compiled_gradient(lambda codes: ops.logsumexp(log_w(codes), axis=0))(z)[1]
    weights = ops.convert_to_numpy(ops.softmax(log_w(ops.convert_to_tensor(z)), axis=0))
    single = compiled_gradient(lambda codes: ops.sum(log_w(codes), axis=0))(z)[1]  # samples do not meet in it
    np.testing.assert_allclose(bound, weights.T[..., None] * single, rtol=1e-3, atol=1e-4)
