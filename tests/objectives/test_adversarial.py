"""Adversarial objectives: who moves whom, what the critic learns, at which speed, and what is refused."""

import keras
import numpy as np
import pytest
from keras import ops
from parts import config, images, make_vae, moved, one_batch, one_step, snapshot, trainer_of
from support import rest_slow

from vaelab.errors import ConfigError
from vaelab.training import optimizers
from vaelab.training.vae import LossContext

SMALL = ("model=dense_synthetic", "model.hidden_dims=[16]", "objective.hidden_dims=[16,16]")
CASES = {
    "avb": ("objective=avb", "posterior=implicit"),
    "avb_ac": ("objective=avb_ac", "posterior=basis", "objective.inner_dim=16"),
    "conjoint avb": ("objective=avb", "posterior=implicit", "posterior.join=product", "structure=conjoint"),
    "conjoint avb, joint critic": (
        "objective=avb",
        "posterior=implicit",
        "objective.critic_views=joint",
        "structure=conjoint",
    ),
    "conjoint avb_ac": ("objective=avb_ac", "posterior=basis", "objective.inner_dim=16", "structure=conjoint"),
}


def make(case, *words):
    views = 2 if "structure=conjoint" in CASES[case] else 1
    vae = make_vae(*SMALL, *CASES[case], *words, shapes=((1, 4, 1),) * views)
    return vae, tuple(images((1, 4, 1), 16, seed=v, binary=True) for v in range(views))


def parts_of(vae):
    structure = vae.structure
    if hasattr(structure, "heads"):
        encoders, decoders = [*structure.encoders, *structure.heads], structure.decoders
    else:
        encoders, decoders = [structure.encoder, structure.posterior], [structure.decoder]
    return {"encoder": encoders, "decoder": decoders, "critic": [vae.objective.critic]}


@pytest.mark.parametrize("case", rest_slow(CASES, ["conjoint avb_ac"]))
@pytest.mark.parametrize(
    "term,movers", [("rate", {"encoder"}), ("critic", {"critic"}), ("distortion", {"encoder", "decoder"})]
)
def test_each_term_moves_exactly_its_weights(case, term, movers):
    vae, x = make(case)
    terms = {
        "rate": lambda seen, outputs: ops.mean(vae.objective.held_rate(seen, outputs)),
        "critic": lambda seen, outputs: vae.objective.critic_loss(seen, outputs, True),
        "distortion": lambda seen, outputs: -ops.mean(vae.structure.log_likelihood(seen, outputs.decoded)),
    }
    before = {name: [snapshot(p) for p in parts] for name, parts in parts_of(vae).items()}
    one_step(vae, x, terms[term])
    for name, parts in parts_of(vae).items():
        changes = [moved(old, part) for old, part in zip(before[name], parts, strict=True)]
        assert (min(changes) > 0) if name in movers else (max(changes) == 0.0), (name, changes)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("case", rest_slow(CASES, ["avb", "conjoint avb_ac"]))
def test_terms_add_up(case, training):
    """The critic's loss is trained with the rest; by the loss of a split the model is judged, and not its critic."""
    vae, x = make(case)
    seen, outputs = vae(x, training=False)
    likelihood = vae.structure.log_likelihood(seen, outputs.decoded)
    terms = {
        k: float(v) for k, v in vae.objective.losses(seen, outputs, likelihood, LossContext(3.0, 1.0, training)).items()
    }
    assert set(terms) == {"loss", *vae.objective.terms} and "rate" not in terms and "elbo" not in terms
    loss = terms["distortion"] + 3 * terms["rate_critic"] + (terms["critic_loss"] if training else 0)
    assert terms["loss"] == pytest.approx(loss, rel=1e-5)
    assert terms["elbo_critic"] == pytest.approx(-(terms["distortion"] + terms["rate_critic"]), rel=1e-6)
    rate = ops.convert_to_numpy(vae.objective.rate(seen, outputs.z))  # what the view reads
    assert rate.shape == (16,)
    if "ac" not in case:
        assert rate.mean() == pytest.approx(terms["rate_critic"], rel=1e-4, abs=1e-5)


def test_moments_are_constants_of_the_contrast():
    from vaelab.compute.compiled import compiled_gradient
    from vaelab.posteriors.basis import Moments

    vae, _ = make("avb_ac")
    z, std = (ops.convert_to_tensor(images((2,), 5, seed=s)) for s in (0, 1))
    mean = np.zeros((5, 2), np.float32)
    for pick in (0, 1):

        def function(m, k=pick):
            seen = vae.objective.compared(z, Moments(m, std + m))[k]
            return ops.sum(ops.reshape(seen, (5, -1)), -1) + 0.0 * ops.sum(m, -1)

        gradient = compiled_gradient(function)(mean)[1]
        assert np.abs(gradient).max() == 0.0


def gaussian_with_known_rate(objective):
    """q(z|x) about N(1, 0.5^2) on one latent, everything but the critic held."""
    vae = make_vae(
        "model=dense_synthetic", "model.hidden_dims=[16]", "latent_dim=1", f"objective={objective}",
        "objective.hidden_dims=[64,64]", *(("objective.inner_dim=64",) if objective == "avb_ac" else ()),
        shapes=((1, 2, 1),),
    )  # fmt: skip
    posterior = vae.structure.posterior
    posterior.mean_head.bias.assign([1.0])
    posterior.rho_head.bias.assign([2 * np.log(0.5)])
    vae.structure.trainable = False
    return vae


@pytest.mark.parametrize("objective", ["avb", pytest.param("avb_ac", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_the_critic_finds_the_true_rate_in_one_dimension(objective):
    vae = gaussian_with_known_rate(objective)
    x = (np.tile(np.eye(2, dtype=np.float32), (256, 1)).reshape(-1, 1, 2, 1),)
    batch = one_batch(x, repeat=400)
    vae.compile(optimizer=keras.optimizers.Adam(3e-3))
    vae.fit(batch, epochs=1, verbose=0)
    estimates, truth = [], 0.0
    for _ in range(20):
        seen, outputs = vae(x, training=False)
        truth = float(ops.mean(ops.sum(outputs.rate, axis=-1)))
        estimates.append(float(ops.mean(vae.objective.held_rate(seen, outputs))))
    assert truth > 0.6
    assert np.mean(estimates) == pytest.approx(truth, abs=0.1), (np.mean(estimates), truth)


def trainer(**more):
    return trainer_of(config("trainer=quick"), **more)


def fitted(vae, x, optimizer, steps):
    vae.compile(optimizer=optimizer)
    vae.optimizer.build(vae.trainable_variables)
    vae.fit(one_batch(x, repeat=steps), epochs=1, verbose=0)
    return vae


def test_a_critic_runs_at_its_own_speed():
    vae, x = make("avb", "objective.critic_learning_rate=0.005", "objective.critic_beta_1=0.5")
    before = {name: [snapshot(p) for p in parts] for name, parts in parts_of(vae).items()}
    fitted(vae, x, optimizers.make(trainer(), lambda progress: 1.0, 10, vae.objective), 1)
    change = {n: max(moved(b, p) for b, p in zip(before[n], ps)) for n, ps in parts_of(vae).items()}
    # Adam's first step is the learning rate for every weight whose gradient is not tiny
    assert change["critic"] == pytest.approx(0.005, rel=0.01)
    assert change["encoder"] == pytest.approx(0.001, rel=0.01) and change["decoder"] == pytest.approx(0.001, rel=0.01)


@pytest.mark.slow
def test_at_equal_speeds_it_is_adam():
    one, x = make("avb")
    fitted(one, x, optimizers.make(trainer(), lambda progress: 1.0, 10, one.objective), 5)
    other, _ = make("avb", "objective.critic_learning_rate=0.001", "objective.critic_beta_1=0.9")
    optimizer = optimizers.make(trainer(), lambda progress: 1.0, 10, other.objective)
    assert type(optimizer).__name__ == "TwoSpeedAdam" != type(one.optimizer).__name__
    assert isinstance(one.optimizer, keras.optimizers.Adam)
    fitted(other, x, optimizer, 5)
    assert max(float(np.abs(a - b).max()) for a, b in zip(snapshot(one), snapshot(other))) < 1e-5


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="alternation is written for tensorflow")
@pytest.mark.slow
def test_critic_steps_alternate():
    vae, x = make("avb", "objective.critic_steps=3")
    before = {name: [snapshot(p) for p in parts] for name, parts in parts_of(vae).items()}
    fitted(vae, x, optimizers.make(trainer(), lambda progress: 1.0, 10, vae.objective), 2)
    assert int(vae.optimizer.critic_updates) == 6 and int(vae.optimizer.iterations) == 2 and int(vae.step) == 2
    change = {n: max(moved(b, p) for b, p in zip(before[n], ps)) for n, ps in parts_of(vae).items()}
    assert 0.002 < change["critic"] <= 0.0061 and 0.001 < change["encoder"] <= 0.0021


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="alternation is written for tensorflow")
def test_alternation_is_repeatable():
    runs = []
    for _ in range(2):
        vae, x = make("avb", "objective.critic_steps=2", "objective.critic_learning_rate=0.002")
        fitted(vae, x, optimizers.make(trainer(), lambda progress: 1.0, 10, vae.objective), 3)
        runs.append(snapshot(vae))
    assert all(np.array_equal(a, b) for a, b in zip(*runs))


def test_critic_steps_need_tensorflow(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    from vaelab.objectives.adversarial import Adversarial

    with pytest.raises(ConfigError, match="critic_steps=3 needs backend=tensorflow"):
        Adversarial(critic=None, critic_learning_rate=None, critic_beta_1=None, critic_steps=3, seed=0)


def test_a_critic_without_layers_is_refused():
    with pytest.raises(ConfigError, match=r"objective\.hidden_dims: expected at least one number"):
        make_vae("objective=avb", "posterior=implicit", "model=dense", "objective.hidden_dims=[]")


def test_two_speeds_need_adam():
    with pytest.raises(ConfigError, match=r"critic_learning_rate=0.01 needs trainer.optimizer=adam; it is rmsprop"):
        make("avb", "objective.critic_learning_rate=0.01", "trainer.optimizer=rmsprop")
