"""Several views: what is shared, what is private, in which order, and what each decoder reads."""

import numpy as np
import pytest
from keras import ops
from parts import config, count, images, make_vae, moved, one_step, snapshot

from vaelab.errors import ConfigError

SHAPE = (1, 4, 1)
SMALL = ("model=dense_synthetic", "model.hidden_dims=[16]", "structure=conjoint")


def make(*words, views=2, shapes=None):
    return make_vae(*SMALL, *words, shapes=shapes or (SHAPE,) * views)


def views_of(n, shape=SHAPE, rows=5):
    return tuple(images(shape, rows, seed=v, binary=True) for v in range(n))


@pytest.mark.parametrize("views", [2, 3])
def test_parts_lie_in_their_order(views):
    structure = make("structure.private_dims=3", "structure.shared_dim=2", views=views).structure
    names = [f"private_{i + 1}" for i in range(views)]
    assert list(structure.latent_parts) == [*names, "shared"]
    assert [(s.start, s.stop) for s in structure.latent_parts.values()] == [
        *((3 * i, 3 * i + 3) for i in range(views)), (3 * views, 3 * views + 2),
    ]  # fmt: skip
    assert structure.latent_dim == 3 * views + 2


@pytest.mark.parametrize("posterior", ["gaussian", "implicit", "basis"])
@pytest.mark.quick(1)
def test_private_codes_see_their_view_and_the_shared_code_all(posterior):
    more = () if posterior == "gaussian" else ("objective=avb", f"posterior={posterior}")
    structure = make(*more, views=3).structure
    x, other = views_of(3), views_of(3)
    other = (x[0], 1 - x[1], x[2])  # only the second view differs

    def code(v):
        if posterior == "gaussian":
            return ops.convert_to_numpy(structure.infer(v)[0])
        eps = np.random.default_rng(0).standard_normal((5, structure.eps_dim)).astype(np.float32)
        return ops.convert_to_numpy(structure.draw(v, eps))

    differs = np.abs(code(x) - code(other)).max(0)
    parts = structure.latent_parts
    assert differs[parts["private_1"]].max() == differs[parts["private_3"]].max() == 0.0
    assert differs[parts["private_2"]].min() > 0 and differs[parts["shared"]].min() > 0


def test_each_decoder_reads_its_private_part_and_the_shared_one():
    structure = make(views=2).structure
    z = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    base = [ops.convert_to_numpy(v) for v in structure.decode(z)]
    for name, changed in (("private_1", [True, False]), ("private_2", [False, True]), ("shared", [True, True])):
        moved_z = z.copy()
        moved_z[:, structure.latent_parts[name]] += 1
        again = [ops.convert_to_numpy(v) for v in structure.decode(moved_z)]
        assert [not np.array_equal(a, b) for a, b in zip(base, again)] == changed
    many = structure.decode(np.stack([z, z + 1]))
    assert all(tuple(v.shape) == (2, 5, *SHAPE) for v in many)


def test_latent_dim_is_derived_wherever_the_structure_is_chosen():
    assert config()["latent_dim"] == 2 and config("latent_dim=3")["latent_dim"] == 3
    assert config("structure=conjoint")["latent_dim"] is None
    assert config("experiment=backgrounds_vae", "latent_dim=6")["latent_dim"] == 6  # what is typed is not swallowed
    assert make("structure.private_dims=[1,2]", "structure.shared_dim=3").structure.latent_dim == 6
    with pytest.raises(ConfigError, match=r"structure\.latent_dim is not a setting"):
        config("structure=conjoint", "+structure.latent_dim=3")


def test_one_elbo_sums_views_and_counts_the_shared_rate_once():
    vae = make()
    x = views_of(2)
    seen, outputs = vae(x, training=False)
    structure = vae.structure
    total = ops.convert_to_numpy(structure.log_likelihood(seen, outputs.decoded))
    each = [ops.convert_to_numpy(p.log_prob(v, d)) for p, v, d in zip(structure.likelihoods, seen, outputs.decoded)]
    np.testing.assert_allclose(total, each[0] + each[1], rtol=1e-6)
    mean, std = (ops.convert_to_numpy(v) for v in structure.infer(seen))
    rate = ops.convert_to_numpy(outputs.rate)
    assert rate.shape == (5, 6)
    np.testing.assert_allclose(rate, 0.5 * (mean**2 + std**2 - 1) - np.log(std), rtol=1e-3, atol=1e-5)
    z = np.random.default_rng(0).normal(size=(3, 5, 6)).astype(np.float32)
    density = -0.5 * ((z - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(ops.convert_to_numpy(structure.log_posterior(z, outputs.q)), density.sum(-1), rtol=1e-4)


def test_no_weights_are_shared_between_views():
    vae = make()
    structure, x = vae.structure, views_of(2)
    networks = [*structure.encoders, *structure.heads, *structure.decoders]
    assert count(vae) == count(*networks)
    before = [snapshot(n) for n in networks]
    first = structure.likelihoods[0]
    one_step(vae, x, lambda seen, outputs: -ops.mean(first.log_prob(seen[0], outputs.decoded[0])))
    changes = [moved(b, n) > 0 for b, n in zip(before, networks)]
    # encoder 2 moves through the shared code; private head 2 and decoder 2 do not
    assert changes == [True, True, True, False, True, True, False]


def test_views_of_different_shapes_and_parts_left_out():
    vae = make("structure.private_dims=[0,3]", "structure.shared_dim=1", shapes=((1, 4, 1), (2, 3, 2)))
    structure = vae.structure
    assert list(structure.latent_parts) == ["private_2", "shared"] and structure.latent_dim == 4
    decoded = structure.decode(np.zeros((2, 4), np.float32))
    assert [tuple(d.shape) for d in decoded] == [(2, 1, 4, 1), (2, 2, 3, 2)]
    no_shared = make("structure.private_dims=2", "structure.shared_dim=0").structure
    assert list(no_shared.latent_parts) == ["private_1", "private_2"]


def test_iwae_takes_samples_of_several_views():
    vae = make("objective=iwae", "objective.k=3")
    _, outputs = vae(views_of(2), training=False)
    assert tuple(outputs.z.shape) == (3, 5, 6)


def test_what_cannot_be_is_said():
    with pytest.raises(ConfigError, match=r"it is 6\. Got 2; leave latent_dim out"):
        make("latent_dim=2")
    with pytest.raises(ConfigError, match="one for each of the dataset's 2 views"):
        make("structure.private_dims=[1,2,3]")
    with pytest.raises(ConfigError, match="View 2 would have no latents"):
        make("structure.private_dims=[1,0]", "structure.shared_dim=0")
    with pytest.raises(ConfigError, match="Use structure=conjoint"):
        make_vae("model=dense", shapes=(SHAPE, SHAPE))
    with pytest.raises(ConfigError, match="needs latent_dim"):
        make_vae("model=dense", "latent_dim=null")


def test_layer_table_accounts_for_every_weight():
    for words in (
        (),
        ("objective=avb", "posterior=implicit", "posterior.join=add"),
        ("objective=avb_ac", "posterior=basis"),
    ):
        structure = make(*words).structure
        parts = [*structure.encoders, *structure.heads, *structure.decoders]
        assert sum(row[-1] for row in structure.layer_table()) == count(*parts)
        assert len({row[0] for row in structure.layer_table()}) == 5
