"""objective=m2: what is summed over is what should be, who sees which labels, and who refuses it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae, snapshot
from support import BACKEND, BARE

from vaelab.compute.compiled import compiled_gradient
from vaelab.config.parts import part
from vaelab.errors import ConfigError
from vaelab.objectives.m2 import M2
from vaelab.structures.outputs import Outputs
from vaelab.training.vae import LossContext

K, SHAPE = 3, (2, 2, 1)
SETTINGS = {"alpha": 2.0, "bound_weight": 0.0, "labelled_batch": 4, "hidden_dims": [5], "activation": "tanh",
            "summed_classes": None}  # fmt: skip
WORDS = ("objective=m2", "condition=label", "model=dense", "model.hidden_dims=[9]", "latent_dim=2")


class Known:
    """Distortion and rate of an image with each class are those of tables (B, K)."""

    condition_dim, data_shapes, closed_form = K, (SHAPE,), True
    prior = SimpleNamespace()

    def __init__(self, distortion, rate, at_once=True):
        self.tables, self.many_conditions = np.stack([distortion, rate]), at_once
        self.condition_dim = distortion.shape[-1]

    def __call__(self, x, training):
        numbers = ops.cast(ops.round(10 * x[0][:, 0, 0, 0]), "int32")  # an image's row is in its first pixel
        found = ops.take(ops.convert_to_tensor(self.tables), numbers, axis=1)  # (2, B, K)
        distortion, rate = (ops.sum(found[n] * x[1], axis=-1) for n in range(2))
        return Outputs(None, None, distortion, rate[..., None])

    def log_likelihood(self, x, decoded):
        return -decoded


@pytest.mark.parametrize("at_once", [True, False])
def test_labels_are_summed_out_of_images_that_have_none(at_once):
    rng = np.random.default_rng(0)
    distortion, rate = rng.uniform(1, 9, (2, 5, K)).astype(np.float32)
    objective = M2(**SETTINGS, structure=Known(distortion, rate, at_once), seed=0)
    x = np.random.default_rng(1).random((5, *SHAPE), np.float32)
    x[:, 0, 0, 0] = np.arange(5) / 10
    label = np.eye(K, dtype=np.float32)[[2, 0, 0, 1, 0]] * np.array([1, 0, 0, 1, 0], np.float32)[:, None]
    seen = tuple(map(ops.convert_to_tensor, (x, label)))
    terms = objective.losses(seen, None, None, LossContext(0.5, 1.0, False))
    log_q = np.float64(ops.convert_to_numpy(objective.classify(seen[:1])))
    np.testing.assert_allclose(np.exp(log_q).sum(axis=1), 1, rtol=1e-5)
    bound = np.sum(np.exp(log_q) * (distortion + rate + log_q), axis=1) + np.log(K)  # of images without a label
    bound[[0, 3]] = (distortion + rate)[[0, 3], [2, 1]] + np.log(K)
    assert float(terms["distortion"] + terms["rate"]) == pytest.approx(bound.mean(), rel=1e-5)
    assert float(terms["cross_entropy"]) == pytest.approx(-log_q[[0, 3], [2, 1]].mean(), rel=1e-5)
    loss = terms["distortion"] + 0.5 * terms["rate"] + 2 * terms["cross_entropy"]
    assert float(terms["loss"]) == pytest.approx(float(loss), rel=1e-6)
    assert 0 <= float(terms["rate_class"]) <= np.log(K) < float(terms["rate"])


def greatest_of(k):
    """Uniform draws (B, K) that make the greatest Gumbel noise that of class k."""

    def uniform(shape, training):
        draws = np.full(shape, 0.01, np.float32)
        draws[:, k] = 1 - 1e-7
        return ops.convert_to_tensor(draws)

    return uniform


@pytest.mark.parametrize("label", [None, 1])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("summed", [1, 2, 3])
@pytest.mark.quick(4)
def test_one_drawn_class_of_the_rest_is_right_on_average(summed, at_once, label):
    """Over all that may be drawn: the loss and its gradient in log q(y|x) and in every class's terms, exactly."""
    classes, rng = 4, np.random.default_rng(summed)
    numbers = rng.uniform(1, 9, (1, 3 * classes)).astype(np.float32)  # logits, distortions, rates of an image
    numbers[:, :classes] /= 4
    x = ops.zeros((1, *SHAPE))
    labels = np.zeros((1, classes), np.float32) if label is None else np.eye(classes, dtype=np.float32)[[label]]

    def gradient(drawn):
        structure = Known(*np.ones((2, 1, classes), np.float32), at_once)
        objective = M2(**SETTINGS | {"summed_classes": None if drawn is None else summed}, structure=structure, seed=0)
        if drawn is not None:
            objective.class_choice.uniform = greatest_of(drawn)

        def loss(z):
            structure.tables = ops.reshape(z[:, classes:], (2, 1, classes))
            objective.classify = lambda views: ops.log_softmax(z[:, :classes], axis=-1)
            seen = (x, ops.convert_to_tensor(labels))
            return ops.reshape(objective.losses(seen, None, None, LossContext(0.5, 1.0, True))["loss"], (1,))

        return [np.float64(found[0]) for found in compiled_gradient(loss)(numbers)]

    q = np.exp(numbers[0, :classes]) / np.exp(numbers[0, :classes]).sum()
    likeliest = np.argsort(-q)
    if label is not None:
        likeliest = np.array([label, *(k for k in range(classes) if k != label)])
    rest = np.sort(likeliest[summed:])
    each = [gradient(k) for k in rest]
    assert len(rest) == 1 or label is not None or not np.allclose(each[0][1], each[1][1])
    shares = q[rest] / q[rest].sum()
    whole = gradient(None)
    for exact, found in zip(whole, zip(*each)):
        np.testing.assert_allclose(np.tensordot(shares, np.array(found), 1), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("words", [(), ("condition.planes=true",), ("structure=two_level", "structure.levels=[2,2]"),
                                   ("posterior=realnvp", "posterior.couplings=2"), ("prior=mixture",)])  # fmt: skip
@pytest.mark.quick(2)
def test_a_class_by_itself_or_with_all_others(words):
    """The bound of an image with a class does not depend on whether it is asked for alone."""
    own = [w for w in WORDS if "latent" not in w] if "structure=two_level" in words else WORDS
    vae = make_vae(*own, *words, shapes=(SHAPE,), condition_dim=K)
    objective = vae.objective
    for v in vae.structure.trainable_variables:
        if "log_var" in v.path:
            v.assign(np.zeros(v.shape) + (-80.0 if "bias" in v.path else 0.0))  # z is the mean, exactly: no noise
    x = ops.convert_to_tensor(images(SHAPE, 4))
    each = [ops.convert_to_numpy(values) for values in objective._each_class((x,), False)]
    for k in range(K):
        label = ops.convert_to_tensor(np.tile(np.eye(K, dtype=np.float32)[k], (4, 1)))
        for values, found in zip(each, objective._bounds((x, label), False)):
            np.testing.assert_allclose(values[:, k], ops.convert_to_numpy(found), rtol=1e-3)


def test_labelled_images_alone_make_the_cross_entropy_and_move_the_classifier():
    from parts import one_batch

    vae = make_vae(*WORDS, "objective.labelled_batch=6", "beta=0", shapes=(SHAPE,), condition_dim=K)
    pixels = np.random.default_rng(0).integers(256, size=(8, *SHAPE), dtype=np.uint8)
    label = np.eye(K, dtype=np.float32)[np.arange(8) % K] * (np.arange(8) < 3)[:, None]
    vae.objective.start((pixels, label))
    assert [len(a) for a in (*vae.objective.images, vae.objective.classes)] == [3, 3]
    before = snapshot(vae.objective.classifier)
    vae.compile(optimizer="sgd")
    vae.fit(one_batch((pixels, np.zeros_like(label))), epochs=1, verbose=0)  # no label in the batch
    assert max(np.abs(a - b).max() for a, b in zip(before, snapshot(vae.objective.classifier))) > 0
    with pytest.raises(ConfigError, match="needs some labelled training images"):
        vae.objective.start((pixels, 0 * label))
    vae = make_vae(*WORDS, f"objective.summed_classes={K}", shapes=(SHAPE,), condition_dim=K)
    with pytest.raises(ConfigError, match="summed_classes=3: expected less than the 3 classes"):
        vae.objective.start((pixels, label))


@pytest.mark.parametrize(
    "words,message",
    [
        (["objective=m2", "model=dense"], "objective=m2 learns from labels.* use condition=label"),
        ([*WORDS, "posterior=implicit"], "objective=m2 needs the density"),
        ([*WORDS, "prior=exemplar"], "leaves an image out of its own prior"),
    ],
)
def test_who_refuses(words, message):
    with pytest.raises(ConfigError, match=message):
        make_vae(*words, shapes=(SHAPE,), condition_dim=K if "condition=label" in words else 0)


def test_hidden_labels_need_an_objective_that_does_without():
    from vaelab.conditions.columns import Columns
    from vaelab.jobs.train import refuse_hidden

    node = {"_target_": "vaelab.objectives.m2.M2", **SETTINGS}
    m2 = part(node, "objective", structure=Known(*np.ones((2, 1, K), np.float32), True), seed=0)
    with pytest.raises(ConfigError, match=r"dataset.labelled=100 hides .* Use objective=m2 condition=label"):
        refuse_hidden(SimpleNamespace(), {"dataset": {"labelled": 100}})
    refuse_hidden(m2, {"dataset": {"labelled": 100}}, Columns("label", [("class", tuple("abc"), 0.0, 1.0)]))
    with pytest.raises(ConfigError, match="condition=array is not one choice of a few"):
        refuse_hidden(m2, {"dataset": {}}, Columns("array", [("age", (), 0.0, 1.0)]))


@pytest.mark.slow
def test_a_run_with_few_labels(command, tmp_path):
    """Ten of each digit: better than by them alone, and what is kept of it."""
    command("train", "condition=label", "objective=m2", "objective.hidden_dims=[64]", "dataset.labelled=100",
            "model=dense", "model.hidden_dims=[64]", "latent_dim=6", "trainer.epochs=60", "trainer.batch_size=32",
            "objective.alpha=10", "trainer.learning_rate=0.003", f"backend={BACKEND}", *BARE,
            "metric=[classification]", "hydra.run.dir=run")  # fmt: skip
    run = tmp_path / "run"
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["test/accuracy"]["value"] > 0.8 and scores["test/accuracy"]["se"] > 0
    assert scores["test/calibration_error"]["value"] < 0.2
    with np.load(run / "codes.npz") as kept:
        chances = kept["test_class_probabilities"]
        assert chances.shape == (360, 10) and np.allclose(chances.sum(axis=1), 1, atol=1e-4)
        assert np.mean(chances.argmax(axis=1) == kept["test_y"]) == pytest.approx(scores["test/accuracy"]["value"])
    done = command("train", "dataset.labelled=100", "model=dense", check=False)
    assert done.returncode and "objective=m2" in done.stderr and "Traceback" not in done.stderr
