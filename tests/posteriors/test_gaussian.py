"""q(z|x) = N(mean, std^2): rates against integrals, heads in every parametrisation, and after export."""

import subprocess
import sys

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae
from scipy import integrate, stats

STDS = ["exp", "softplus", "linear"]


def posterior(std, latent_dim=3, log_var_range=None):
    from vaelab.posteriors.gaussian import Gaussian

    layer = Gaussian(std=std, log_var_range=log_var_range, latent_dim=latent_dim, seed=0)
    layer.build((None, 5))
    return layer


@pytest.mark.parametrize("std", STDS)
def test_rate_is_the_numerical_integral(std):
    from vaelab.priors.standard import Standard

    layer = posterior(std)
    q = layer.parameters(np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32))
    rate, mean, spread = (
        ops.convert_to_numpy(v).astype(np.float64) for v in (Standard(latent_dim=3).rate(q), q.mean, q.std)
    )
    for i in range(4):
        for d in range(3):
            density = stats.norm(mean[i, d], spread[i, d])
            kl = integrate.quad(
                lambda z, p=density: p.pdf(z) * (p.logpdf(z) - stats.norm.logpdf(z)),
                mean[i, d] - 10 * spread[i, d],
                mean[i, d] + 10 * spread[i, d],
            )[0]
            assert rate[i, d] == pytest.approx(kl, rel=1e-4, abs=1e-6)
    assert (rate >= -1e-6).all()


@pytest.mark.parametrize("std", STDS)
def test_parameters_follow_their_formula(std):
    layer = posterior(std)
    h = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    q = layer.parameters(h)
    rho = ops.convert_to_numpy(layer.rho_head(h)).astype(np.float64)
    expected = {"exp": np.exp(rho / 2), "softplus": np.log1p(np.exp(rho)), "linear": np.abs(rho)}[std]
    np.testing.assert_allclose(ops.convert_to_numpy(q.std), expected, rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(q.log_std), np.log(expected), rtol=1e-4, atol=1e-5)


def test_log_prob_against_scipy_with_and_without_samples():
    layer = posterior("exp")
    q = layer.parameters(np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32))
    z = np.random.default_rng(1).normal(size=(7, 4, 3)).astype(np.float32)
    mean, std = ops.convert_to_numpy(q.mean), ops.convert_to_numpy(q.std)
    expected = stats.norm(mean, std).logpdf(z).sum(-1)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.log_prob(z, q)), expected, rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.log_prob(z[0], q)), expected[0], rtol=1e-4)


def test_draws_have_the_moments_and_training_and_evaluation_draw_apart():
    layer = posterior("softplus", 2)
    h = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    z, q = layer(h, training=True, samples=20_000)
    z = ops.convert_to_numpy(z)
    np.testing.assert_allclose(z.mean(0), ops.convert_to_numpy(q.mean), atol=0.05)
    np.testing.assert_allclose(z.std(0), ops.convert_to_numpy(q.std), rtol=0.05)
    one, other = posterior("softplus", 2), posterior("softplus", 2)
    first = ops.convert_to_numpy(one.noise.normal((4,), True))
    other.noise.normal((9,), False)  # evaluation never moves training's stream
    np.testing.assert_array_equal(first, ops.convert_to_numpy(other.noise.normal((4,), True)))
    assert not np.array_equal(first, ops.convert_to_numpy(one.noise.normal((4,), True)))


def test_a_bounded_log_variance_stays_within_and_is_pushed_by_nothing_beyond():
    layer = posterior("exp", log_var_range=[-6, 2])
    h = 20 * np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    free = ops.convert_to_numpy(layer.rho_head(h))
    assert (free < -6).any() and (free > 2).any()
    np.testing.assert_allclose(ops.convert_to_numpy(layer.parameters(h).log_std), np.clip(free, -6, 2) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    "words,sentence",
    [(["posterior.log_var_range=[2,-6]"], "expected .lowest, highest."), (["posterior.log_var_range=[1]"], "lowest"),
     (["posterior.log_var_range=[-6,2]", "posterior.std=softplus"], "rho is none")],
)  # fmt: skip
def test_bounds_that_mean_nothing(words, sentence):
    from vaelab.errors import ConfigError

    with pytest.raises(ConfigError, match=sentence):
        make_vae("model=dense", *words)


@pytest.mark.slow
def test_the_h5_opens_in_plain_keras(tmp_path):
    x, expected = images((8, 8, 1), 5), {}
    np.save(tmp_path / "x.npy", x)
    for std in (*STDS, "exp posterior.log_var_range=[-0.1,0.05]"):
        words = f"posterior.std={std}".split()
        vae = make_vae("model=dense", "model.hidden_dims=[16]", "latent_dim=2", *words)
        expected[std] = [ops.convert_to_numpy(v) for v in vae.structure.infer((x,))]
        encoder, decoder, again = vae.structure.export(vae.preprocessing.to_network, vae.preprocessing.to_image)
        (tmp_path / std).mkdir()
        for name, model in (("encoder", encoder), ("decoder", decoder), ("vae", again)):
            model.save(tmp_path / std / f"{name}.h5")
    script = (
        "import sys, numpy as np, keras\n"
        "assert not any('vaelab' in p for p in sys.modules)\n"
        "x = np.load('x.npy')\n"
        "for folder in sys.argv[1:]:\n"
        "    mean, std = keras.models.load_model(f'{folder}/encoder.h5', compile=False)(x)\n"
        "    image = keras.models.load_model(f'{folder}/decoder.h5', compile=False)(mean)\n"
        "    again = keras.models.load_model(f'{folder}/vae.h5', compile=False)(x)\n"
        "    np.savez(f'{folder}/out.npz', *map(keras.ops.convert_to_numpy, (mean, std, image, again)))\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script, *expected], cwd=tmp_path, check=True, capture_output=True)
    for std, (mean, spread) in expected.items():
        with np.load(tmp_path / std / "out.npz") as out:
            np.testing.assert_allclose(out["arr_0"], mean, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(out["arr_1"], spread, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(out["arr_2"], out["arr_3"], rtol=1e-6)
            assert out["arr_2"].min() >= 0 and out["arr_2"].max() <= 1
