"""Variables by path: unique, the same wherever a configuration is built, and what does not fit is named."""

import keras
import numpy as np
import pytest
from keras import layers
from parts import config, make_vae, trainer_of

from vaelab.errors import ConfigError, RunError
from vaelab.training import optimizers, variables


def built(*words, shapes=((8, 8, 1),)):
    """({path: variable} of a model, of its optimizer)."""
    vae = make_vae(*words, shapes=shapes)
    vae.compile(optimizer=optimizers.make(trainer_of(config(*words)), lambda progress: 1.0, 10, vae.objective))
    vae.optimizer.build(vae.trainable_variables)
    held = variables.of_model(vae)
    paths = {id(v): path for path, v in held.items()}
    return held, variables.of_optimizer(vae.optimizer, {paths[id(v)]: v for v in vae.trainable_variables})


@pytest.mark.parametrize(
    "words,shapes,some",
    [
        ("model=dense", ((8, 8, 1),), {"encoder/hidden_1/kernel", "decoder/hidden_1/kernel", "posterior/mean/bias"}),
        ("model=dense objective=avb posterior=implicit", ((8, 8, 1),), {"critic/f_1/kernel", "decoder/hidden_1/bias"}),
        ("model=dense structure=conjoint", ((8, 8, 1),) * 2, {"encoder_2/hidden_1/kernel", "decoder_1/hidden_1/bias"}),
        ("model=dense trainer.optimizer=rmsprop", ((8, 8, 1),), {"encoder/hidden_1/kernel"}),
    ],
)
@pytest.mark.quick(2)
def test_a_path_says_where_in_the_model_a_variable_is(words, shapes, some):
    held, slots = built(*words.split(), shapes=shapes)
    again, slots_again = built(*words.split(), shapes=shapes)
    assert some <= set(held) and list(held) == list(again) and list(slots) == list(slots_again)
    assert "iteration" in slots
    for path, slot in slots.items():
        if path != "iteration":
            assert slot.shape == held[path.rpartition("/")[0]].shape


class Whole(keras.Model):
    """A stand-in for a `VAEModel`: two networks, one behind the other."""

    def __init__(self, encoder, decoder):
        super().__init__(name="vaelab")
        self.encoder, self.decoder = encoder, decoder
        self.built = True


def network(name, *stack):
    x = inputs = keras.Input((3,))
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def test_layers_without_a_name_are_numbered_within_the_model():
    def make():
        unnamed = [layers.Dense(3), layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(3)]
        return variables.of_model(Whole(network("encoder", *unnamed), network(None, layers.Dense(3))))

    first, second = make(), make()
    assert list(first) == list(second)
    assert [p for p in first if p.endswith("kernel")] == [
        "encoder/dense/kernel", "encoder/dense_1/kernel", "functional/dense_2/kernel",
    ]  # fmt: skip


def test_variables_that_cannot_be_told_apart_are_refused():
    nets = network("encoder", layers.Dense(3, name="a")), network("encoder", layers.Dense(3, name="a"))
    with pytest.raises(ConfigError, match=r"encoder/a/kernel or encoder/a/bias.*different names"):
        variables.of_model(Whole(*nets))


def variable(*shape):
    return keras.Variable(np.zeros(shape, "float32"))


def test_arrays_do_not_follow_their_variables():
    held = {"w": variable(3, 4), "n": keras.Variable(np.zeros((), "int32"), dtype="int32", trainable=False)}
    kept = variables.arrays_of(held)
    held["w"].assign_add(np.full((3, 4), 7.0, "float32"))
    held["n"].assign_add(1)
    assert not kept["w"].any() and kept["n"] == 0
    variables.assign(held, kept)
    held["w"].assign(held["w"] + 1)
    assert not kept["w"].any()


def test_equal_shapes_in_another_order_find_their_own_variables():
    arrays = {"a": np.full(2, 1.0), "b": np.full(2, 2.0)}
    swapped = {"b": variable(2), "a": variable(2)}
    variables.assign(swapped, arrays)
    assert [float(v.numpy()[0] if hasattr(v, "numpy") else v[0]) for v in swapped.values()] == [2.0, 1.0]


@pytest.mark.parametrize(
    "arrays,says",
    [
        ({"a": (2,)}, "run has no array for b"),
        ({"a": (2,), "b": (3,), "c": (1,)}, "holds c, which is no variable"),
        ({"a": (2,), "c": (3,)}, "has no array for b, .* It holds c"),
        ({"a": (2,), "b": (3, 1)}, r"b has shape \(3,\) in this model, the file has \(3, 1\)"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_assigned(arrays, says):
    held = {"a": variable(2), "b": variable(3)}
    with pytest.raises(RunError, match=says):
        variables.assign(held, {name: np.ones(shape) for name, shape in arrays.items()}, "run")
    assert not variables.arrays_of(held)["a"].any()


def test_arrays_by_position_take_the_paths_in_order():
    like = {"b": variable(1), "a": variable(1)}
    assert variables.by_path([1, 2], like) == {"b": 1, "a": 2} and variables.by_path({"x": 3}, like) == {"x": 3}
    with pytest.raises(RunError, match="holds 3 arrays, this model has 2"):
        variables.by_path([1, 2, 3], like)
