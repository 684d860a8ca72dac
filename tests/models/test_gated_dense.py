"""Gated layers by hand, and how many parameters the published nets have."""

import numpy as np
from keras import ops
from parts import count, make_vae


def test_a_layer_is_h_times_sigmoid_of_g():
    vae = make_vae("model=gated_dense", "model.hidden_dims=[7]", "bias_initializer=fan_in_uniform", shapes=((4, 4, 1),))
    x = np.random.default_rng(0).random((5, 4, 4, 1)).astype(np.float32)
    weights = {v.path: ops.convert_to_numpy(v.value) for v in vae.structure.encoder.network.variables}
    flat = x.reshape(5, -1)
    h, g = (flat @ weights[f"{name}/kernel"] + weights[f"{name}/bias"] for name in ("hidden_1", "gate_1"))
    np.testing.assert_allclose(vae.structure.encoder.network(x), h / (1 + np.exp(-g)), rtol=1e-5, atol=1e-6)


def test_published_net():
    vae = make_vae("model=gated_dense", "latent_dim=40", shapes=((28, 28, 1),))
    hidden = 2 * (785 * 300 + 301 * 300) + 2 * (41 * 300 + 301 * 300)
    assert count(vae) == hidden + 2 * 301 * 40 + 301 * 784


def test_noise_stands_beside_the_pixels():
    vae = make_vae("model=gated_dense", "objective=avb", "posterior=implicit", "posterior.noise_dim=3")
    assert vae.structure.encoder.network.get_layer("hidden_1").kernel.shape[0] == 64 + 3
