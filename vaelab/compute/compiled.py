"""Functions of Keras tensors, compiled for the running backend, numpy in and numpy out.

The one file that knows backends apart: `keras.ops` has neither a compiler nor a gradient.
"""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree


def compiled(function):
    """function(tensors...) -> tensors, as a compiled function of numpy arrays. It must draw no random numbers."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts tracings per code object and warns; a partial has none, so each run counts by itself.
        inner = tf.function(functools.partial(function), reduce_retracing=True, autograph=False)
    elif backend == "jax":
        import jax

        inner = jax.jit(function)
    else:
        import torch

        inner = torch.no_grad()(function)

    def call(*arrays):
        return tree.map_structure(ops.convert_to_numpy, inner(*tree.map_structure(ops.convert_to_tensor, arrays)))

    return call


def reads_weights_anew() -> bool:
    """Whether a compiled function sees what its weights became later; JAX builds their values in."""
    return keras.backend.backend() != "jax"


def compiled_gradient(function):
    """function(z, *rest) -> (B,) becomes (z, *rest) -> (its values (B,), their gradient in z)."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def both(z, *rest):
            with tf.GradientTape() as tape:
                tape.watch(z)
                values = function(z, *rest)
            return values, tape.gradient(values, z)

        return compiled(both)
    if backend == "jax":
        import jax

        def summed(z, *rest):
            values = function(z, *rest)
            return values.sum(), values

        return compiled(lambda *a: _swap(jax.grad(summed, has_aux=True)(*a)))
    import torch

    def call(z, *rest):
        z = torch.as_tensor(np.asarray(z)).requires_grad_(True)
        values = function(z, *tree.map_structure(ops.convert_to_tensor, rest))
        (gradient,) = torch.autograd.grad(values.sum(), z)
        return values.detach().cpu().numpy(), gradient.cpu().numpy()

    return call


class Steps(NamedTuple):
    """What one call of a compiled training or test function works on where jax computes: several batches.

    Attributes:
        views: tuple of (N, H, W, C): images that lie on the device.
        rows: (S, B) int32, which of them each batch has, ascending.
        numbers: (S, B) int32, the numbers these images have in their split, for models that read them; else None.
        count: of the S batches, as many as there are; a number of the program's input, so that one program serves all.
    """

    views: tuple
    rows: Any
    numbers: Any
    count: Any


def steps_in_turn(step, metrics, state, steps: Steps):
    """Keras's training or test step on one batch after the other, as a loop inside the program that jax compiles.

    The loop's end is not known to the compiler, which makes of a step the same instructions whatever the count: what a
    step computes does not depend on how many are taken in a call.

    Args:
        step: Keras's step of one batch: (state, data) -> (logs, state).
        metrics: the model, whose metrics' variables are the last part of the state.
    Returns:
        (the means so far, state).
    """
    import jax

    def one(index, state):
        batch = [
            view.at[steps.rows[index]].get(mode="promise_in_bounds", indices_are_sorted=True, unique_indices=True)
            for view in steps.views
        ]
        numbers = () if steps.numbers is None else (steps.numbers[index],)
        return step(state, ((*batch, *numbers),))[1]

    state = jax.lax.fori_loop(0, steps.count, one, state)
    with keras.StatelessScope(state_mapping=list(zip(metrics.metrics_variables, state[-1]))):
        return metrics.get_metrics_result(), state


def _swap(pair):
    return pair[1], pair[0]
