"""First weights that the configuration asks for: their law, alike in every architecture; those of nothing else."""

import numpy as np
import pytest
from keras import ops
from parts import make_vae
from scipy import stats
from support import rest_slow

from vaelab.training.initializers import VARIANCES


def kernels(vae):
    return {v.path: ops.convert_to_numpy(v.value) for v in vae.trainable_variables if v.name == "kernel"}


def biases(vae):
    return {v.path: ops.convert_to_numpy(v.value) for v in vae.trainable_variables if v.name == "bias"}


@pytest.mark.parametrize("model", rest_slow(["gated_dense", "dense"], 1))
@pytest.mark.parametrize("scale", sorted(VARIANCES))
@pytest.mark.parametrize("shape", ["normal", "uniform"])
@pytest.mark.quick(2)
def test_dense_kernels_have_the_variance(model, scale, shape):
    vae = make_vae(f"model={model}", f"kernel_initializer={scale}_{shape}", "latent_dim=20", shapes=((28, 28, 1),))
    for path, kernel in kernels(vae).items():
        std = np.sqrt(VARIANCES[scale](*kernel.shape))
        law = stats.norm(0, std) if shape == "normal" else stats.uniform(-std * 3**0.5, 2 * std * 3**0.5)
        assert stats.kstest(kernel.ravel()[:20_000], law.cdf).pvalue > 1e-5, path
    assert all((bias == 0).all() for bias in biases(vae).values())


def test_biases_as_in_pytorch_and_kernels_as_they_were():
    words = ["model=gated_dense", "latent_dim=40"]
    plain, drawn = (
        make_vae(*words, *more, shapes=((28, 28, 1),)) for more in ([], ["bias_initializer=fan_in_uniform"])
    )
    for (path, kernel), other in zip(kernels(plain).items(), kernels(drawn).values()):
        np.testing.assert_array_equal(kernel, other)
        bias = biases(drawn)[path.replace("kernel", "bias")]
        edge = 1 / np.sqrt(kernel.shape[0])
        assert np.abs(bias).max() <= edge and stats.kstest(bias, stats.uniform(-edge, 2 * edge).cdf).pvalue > 1e-5


def test_convolutions_up_and_down_count_their_field():
    vae = make_vae("model=conv_v1", "kernel_initializer=he_normal", shapes=((28, 28, 1),))
    for layer in vae._flatten_layers():
        kind = type(layer).__name__
        if kind in ("Conv2D", "Conv2DTranspose"):
            kernel = ops.convert_to_numpy(layer.kernel.value)
            fan_in = np.prod(kernel.shape[:2]) * kernel.shape[3 if kind == "Conv2DTranspose" else 2]
            assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=5 / np.sqrt(kernel.size)), layer.name


@pytest.mark.slow
def test_the_seed_decides():
    one, same, other = (
        kernels(make_vae("model=dense", "kernel_initializer=he_normal", f"seed={seed}")) for seed in (0, 0, 1)
    )
    for path in one:
        np.testing.assert_array_equal(one[path], same[path])
        assert not np.array_equal(one[path], other[path])
