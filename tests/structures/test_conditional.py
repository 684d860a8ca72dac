"""p(x|z, c) and q(z|x, c): a model of known likelihood, what depends on c, and who refuses one."""

import numpy as np
import pytest
from keras import ops
from parts import config, make_vae

from vaelab.conditions.columns import Columns
from vaelab.datasets.base import Dataset, Split
from vaelab.errors import ConfigError, NotApplicable
from vaelab.metrics.ais import ais
from vaelab.metrics.nll import nll
from vaelab.metrics.nll_exact import nll_exact
from vaelab.view.latent_view import LatentView

DIMS, LATENTS, CLASSES, N, VARIANCE = 5, 2, 3, 60, 0.5
LINEAR = ("model=linear", "likelihood=gaussian", f"likelihood.variance={VARIANCE}", f"latent_dim={LATENTS}",
          "posterior.std=exp", "condition=label")  # fmt: skip


def conditional(x, y):
    names = tuple("abc")
    c = Columns("label", [("class", names, 0.0, 1.0)])
    split = Split((x,), y, given=(c.rows(y[:, None], "it"),))
    return Dataset("own", split, split, class_names=names, values="real", condition=c)


@pytest.fixture(scope="module")
def known():
    """(view, -log p(x|c) of every image) of x = W z + A c + b + s eps; q(z|x, c) has the true posterior's mean."""
    rng = np.random.default_rng(0)
    w, a, b = rng.normal(size=(LATENTS, DIMS)), 2 * rng.normal(size=(CLASSES, DIMS)), rng.normal(size=DIMS)
    y = rng.integers(CLASSES, size=N)
    x = rng.normal(size=(N, LATENTS)) @ w + a[y] + b + VARIANCE**0.5 * rng.normal(size=(N, DIMS))
    vae = make_vae(*LINEAR, shapes=((1, DIMS, 1),), condition_dim=CLASSES)
    decoder, heads = vae.structure.decoder, vae.structure.posterior
    decoder.set_weights([np.concatenate([w, a]), b])  # z above c
    covariance = np.linalg.inv(np.eye(LATENTS) + w @ w.T / VARIANCE)
    project = w.T @ covariance / VARIANCE  # E[z|x, c] = (x - A c - b) project
    heads.mean_head.set_weights([np.concatenate([project, -a @ project]), -b @ project])
    heads.rho_head.set_weights([np.zeros((DIMS + CLASSES, LATENTS)), np.log(np.diag(covariance))])
    view = LatentView(vae, conditional(x.astype(np.float32).reshape(N, 1, DIMS, 1), y), name="linear", seed=0)
    residual = x - a[y] - b
    spread = w.T @ w + VARIANCE * np.eye(DIMS)
    exact = 0.5 * (np.einsum("ni,ij,nj->n", residual, np.linalg.inv(spread), residual)
                   + np.linalg.slogdet(spread)[1] + DIMS * np.log(2 * np.pi))  # fmt: skip
    return view, exact


def test_the_estimators_find_the_known_likelihood(known):
    view, exact = known
    assert nll_exact(view, split="test", images=None)["nll_exact"].value == pytest.approx(exact.mean(), abs=1e-3)
    settings = {"split": "test", "images": None}
    found = nll(view, samples=400, curve=[], widen=1.2, tolerance=0.05, **settings)
    error = found["nll_is400_mc_error"].value
    assert error < 0.02 and abs(found["nll_is400"].value - exact.mean()) < 4 * error + 1e-3
    found = ais(view, chains=8, temperatures=40, leapfrog_steps=3, step_size=0.3, acceptance=0.7, pilot_chains=1,
                bdmc=True, **settings)  # fmt: skip
    error = found["nll_ais_mc_error"].value
    assert error < 0.05 and abs(found["nll_ais"].value - exact.mean()) < 4 * error + 1e-3
    assert abs(found["ais_bdmc_gap"].value) < 0.1


def test_the_condition_says_what_it_should(known):
    view, _ = known
    part = view.split("test")
    z, (c,) = part.z, part.given()
    other = np.roll(c, 1, axis=1)
    mean = view.encode(part.inputs())[0]
    assert np.abs(mean - view.encode((*part.images(), other))[0]).max() > 0.1
    weights = view._structure.decoder.get_weights()[0]
    moved = view.decode(z, other)[0] - view.decode(z, c)[0]
    np.testing.assert_allclose(moved.reshape(N, DIMS), (other - c) @ weights[LATENTS:], atol=1e-4)
    (drawn,) = view.sample_given(2000, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), c.mean(axis=0), atol=0.05)
    assert view.simulate(z, np.random.default_rng(0), c)[0].shape == part.images()[0].shape
    samples = view.log_prob(part.inputs(), np.stack([z, z]))
    np.testing.assert_allclose(samples[1], view.log_prob(part.inputs(), z), rtol=1e-4)


def test_codes_and_images_without_it_are_refused(known):
    view, _ = known
    part = view.split("test")
    for use in (lambda: view.decode(part.z), lambda: view.encode(part.images()),
                lambda: view.log_prob(part.images(), part.z)):  # fmt: skip
        with pytest.raises(NotApplicable, match=r"has a condition \(condition=label\)"):
            use()
    plain = LatentView(make_vae(*LINEAR[:-1], shapes=((1, DIMS, 1),)), Dataset("own", *[Split(part.x)] * 2), name="p",
                       seed=0)  # fmt: skip
    with pytest.raises(ValueError, match="this run has no condition"):
        plain.decode(part.z, *part.given())


@pytest.mark.parametrize("structure,shapes", [("single", ((4, 4, 1),)), ("conjoint", ((4, 4, 1), (4, 4, 1)))])
@pytest.mark.parametrize("planes", [False, True])
def test_images_see_it_as_channels_where_that_is_asked_for(structure, shapes, planes):
    words = (f"structure={structure}", "condition=label", f"condition.planes={str(planes).lower()}", "model=dense")
    vae = make_vae(*words, "model.hidden_dims=[7]", shapes=shapes, condition_dim=3)
    networks = [e.network for e in getattr(vae.structure, "encoders", None) or [vae.structure.encoder]]
    for network in networks:
        assert network.count_params() == (16 * (4 if planes else 1) + 1) * 7
    x = (*(np.zeros((2, 4, 4, 1), np.float32) for _ in shapes), np.eye(3, dtype=np.float32)[:2])
    seen, outputs = vae(tuple(map(ops.convert_to_tensor, x)))
    assert [d.shape for d in outputs.decoded] == [(2, 4, 4, 1)] * len(shapes)
    np.testing.assert_array_equal(ops.convert_to_numpy(seen[-1]), x[-1])  # neither scaled nor binarised


@pytest.mark.parametrize("views", [1, 2])
def test_the_critic_sees_it(views):
    structure = ("structure=conjoint", "structure.private_dims=0") if views > 1 else ()
    words = (*structure, "objective=avb", "condition=label", "model=dense", "model.hidden_dims=[8]")
    vae = make_vae(*words, shapes=((8, 8, 1),) * views, condition_dim=3)
    names = [f"image_{v + 1}" for v in range(views)]
    assert [i.name for i in vae.objective.critic.inputs] == [*names, "condition", "z"]
    x, z = [np.zeros((2, 8, 8, 1), np.float32)] * views, np.ones((2, 2), np.float32)
    one, other = (ops.convert_to_numpy(vae.objective.critic([*x, np.eye(3, dtype=np.float32)[rows], z]))
                  for rows in ([0, 1], [0, 2]))  # fmt: skip
    assert one[0] == other[0] and one[1] != other[1]


def test_who_takes_none():
    with pytest.raises(ConfigError, match="prior=vamp encodes pseudo-inputs, which have no condition"):
        make_vae("prior=vamp", "condition=label", condition_dim=3)


def test_without_a_condition_nothing_is_joined():
    """The weights are those of a structure that knows no condition: same shapes, same draws."""
    assert config()["condition"] == {"_target_": "vaelab.conditions.none.Unconditional"}
    plain, joined = (make_vae("model=dense", "model.hidden_dims=[9]", **more) for more in ({}, {"condition_dim": 3}))
    shapes = [[tuple(v.shape) for v in vae.structure.trainable_variables] for vae in (plain, joined)]
    assert (9, 2) in shapes[0] and (12, 2) in shapes[1] and (2, 9) in shapes[0] and (5, 9) in shapes[1]


def test_what_training_and_a_sweep_keep_of_it(known, tmp_path):
    """Frames for animations, and tiles for the report, whose codes come from no image: conditions are drawn."""
    from vaelab.jobs.during import frame
    from vaelab.jobs.job import tiles
    from vaelab.records.run_folder import RunFolder

    view, _ = known
    kept = frame(view)
    assert len(kept["samples_0"]) == 36 and len(kept["reconstructions_0"]) == 18
    tiles(RunFolder(tmp_path), view)
    assert len(RunFolder(tmp_path).read_tiles()["samples_0"]) == 16
