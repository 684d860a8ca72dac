"""Functions of Keras tensors, compiled for the running backend, numpy in and numpy out.

The one file that knows backends apart: `keras.ops` has neither a compiler nor a gradient.
"""

import functools

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


def steps_in_turn(step, batch_size, state, data):
    """Keras's training step on several batches, as a scan inside the program that jax compiles.

    Args:
        step: Keras's `train_step` of one batch: (state, data) -> (logs, state).
        batch_size: B.
        data: (views,), each (n, H, W, C) with ceil(n / B) batches one behind the other.
    Returns:
        (logs of the last step, state).
    """
    import jax

    def swapped(state, batch):
        logs, state = step(state, (batch,))
        return state, logs

    (views,) = data
    whole = len(views[0]) // batch_size
    split = whole * batch_size
    if whole:
        batches = tuple(view[:split].reshape(whole, batch_size, *view.shape[1:]) for view in views)
        state, all_logs = jax.lax.scan(swapped, state, batches)
        logs = {name: values[-1] for name, values in all_logs.items()}
    if split < len(views[0]):
        logs, state = step(state, (tuple(view[split:] for view in views),))
    return logs, state


def _swap(pair):
    return pair[1], pair[0]
