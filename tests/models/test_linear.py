"""The linear model with a Gaussian likelihood: log p(x) is known exactly."""

import numpy as np
from keras import ops
from parts import images, make_vae
from scipy import stats


def test_log_p_x_is_the_gaussian_of_its_weights():
    vae = make_vae("model=linear", "likelihood=gaussian", "likelihood.variance=0.5", shapes=((1, 4, 1),))
    structure, x = vae.structure, images((1, 4, 1), 3)
    dense = structure.decoder.get_layer("parameters")
    dense.bias.assign([0.1, -0.2, 0.3, 0.0])
    w, b = (ops.convert_to_numpy(v).astype(np.float64) for v in (dense.kernel, dense.bias))
    exact = stats.multivariate_normal(b, w.T @ w + 0.5 * np.eye(4)).logpdf(x.reshape(3, 4))
    z = np.random.default_rng(0).standard_normal((20_000, 1, 2)).astype(np.float32)
    likelihoods = structure.log_likelihood((x,), structure.decode(np.broadcast_to(z, (20_000, 3, 2)).copy()))
    estimate = np.logaddexp.reduce(ops.convert_to_numpy(likelihoods).astype(np.float64), axis=0) - np.log(20_000)
    np.testing.assert_allclose(estimate, exact, atol=0.05)


def test_mean_is_linear_in_the_pixels():
    structure = make_vae("model=linear", shapes=((1, 4, 1),)).structure
    x = images((1, 4, 1), 2)
    means = [ops.convert_to_numpy(structure.infer((v,))[0]) for v in (x, 2 * x, 0 * x)]
    np.testing.assert_allclose(means[1] - means[2], 2 * (means[0] - means[2]), rtol=1e-5, atol=1e-6)
