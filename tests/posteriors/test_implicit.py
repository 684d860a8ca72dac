"""Posteriors given by draws: where noise enters, and what is known of the draws."""

import numpy as np
import pytest
from keras import ops
from parts import count, images, make_vae
from support import rest_slow

from vaelab.config import locate
from vaelab.errors import ConfigError

JOINS = ["inside", "add", "concatenate", "product"]
AVB = ("objective=avb", "posterior=implicit", "posterior.noise_dim=4")


def draws(structure, x, n, seed=0):
    eps = np.random.default_rng(seed).standard_normal((n, len(x), structure.eps_dim)).astype(np.float32)
    return np.stack([ops.convert_to_numpy(structure.draw((x,), e)) for e in eps])


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("model", rest_slow([m for m in locate.options("model") if "caltech" not in m], ["conv_v1"]))
def test_every_body_takes_noise_everywhere(model, join):
    structure = make_vae(f"model={model}", *AVB, f"posterior.join={join}", "latent_dim=3").structure
    assert structure.eps_dim == 4 and not structure.closed_form
    x = images((8, 8, 1), 2)
    some = draws(structure, x, 3)
    assert some.shape == (3, 2, 3) and np.ptp(some, axis=0).min() > 0  # other noise, another z
    np.testing.assert_array_equal(some, draws(structure, x, 3))  # same noise, same z


@pytest.mark.parametrize("join,inputs", [("inside", 4 + 4), ("concatenate", 4 + 4), ("product", 4 * 4)])
def test_first_layer_reads_what_the_join_makes(join, inputs):
    vae = make_vae("model=dense_synthetic", *AVB, f"posterior.join={join}", shapes=((1, 4, 1),))
    assert count(vae.structure.encoder) == inputs * 256 + 256 + 256 * 256 + 256


def test_add_has_a_learned_map():
    vae = make_vae("model=dense_synthetic", *AVB, "posterior.join=add", shapes=((1, 4, 1),))
    assert count(vae.structure.encoder) == (4 * 4 + 4) + 4 * 256 + 256 + 256 * 256 + 256


def test_joined_in_the_scale_of_centered_pixels():
    structure = make_vae("model=linear", *AVB, "posterior.join=product", shapes=((1, 2, 1),)).structure
    x, eps = np.float32([[0, 1]]).reshape(1, 1, 2, 1), np.float32([[1, 2, 3, 4]])
    seen = ops.convert_to_numpy(structure.encoder(x, eps=eps))
    np.testing.assert_allclose(2 * seen - 1, [[-1, -2, -3, -4, 1, 2, 3, 4]], rtol=1e-6)


def test_training_and_evaluation_draw_apart():
    one, other = (make_vae("model=dense", *AVB) for _ in range(2))
    x = (images((8, 8, 1), 3),)
    for _ in range(3):
        other(x, training=False)
    first = ops.convert_to_numpy(one(x, training=True).outputs.z)
    np.testing.assert_array_equal(first, ops.convert_to_numpy(other(x, training=True).outputs.z))
    assert not np.array_equal(first, ops.convert_to_numpy(one(x, training=True).outputs.z))
    other.restart_evaluation()
    again = ops.convert_to_numpy(other(x, training=False).outputs.z)
    other.restart_evaluation()
    np.testing.assert_array_equal(again, ops.convert_to_numpy(other(x, training=False).outputs.z))


def test_basis_knows_its_moments():
    vae = make_vae("model=dense_synthetic", "posterior=basis", "objective=avb_ac", "posterior.moment_draws=4000")
    x = images((8, 8, 1), 3)
    mean, std = (ops.convert_to_numpy(v) for v in vae.structure.infer((x,)))
    some = draws(vae.structure, np.tile(x, (3000, 1, 1, 1)), 1).reshape(3000, 3, 2)
    np.testing.assert_allclose(some.mean(0), mean, atol=0.1 * std.max())
    np.testing.assert_allclose(some.std(0), std, rtol=0.1)
    again = vae.structure.infer((x,))
    np.testing.assert_array_equal(mean, ops.convert_to_numpy(again[0]))  # fixed draws: looking twice sees the same


def test_impossible_combinations_are_said():
    with pytest.raises(ConfigError, match=r"avb_ac needs mean and variance.*posterior=implicit"):
        make_vae("model=dense", "posterior=implicit", "objective=avb_ac")
