"""Functions of Keras tensors, compiled for the running backend, numpy in and numpy out.

The one file that knows backends apart: `keras.ops` has neither a compiler nor a gradient.
"""

import keras
import numpy as np
from keras import ops, tree


def compiled(function):
    """function(tensors...) -> tensors, as a compiled function of numpy arrays. It must draw no random numbers."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        inner = tf.function(function, reduce_retracing=True)
    elif backend == "jax":
        import jax

        inner = jax.jit(function)
    else:
        import torch

        inner = torch.no_grad()(function)

    def call(*arrays):
        return tree.map_structure(ops.convert_to_numpy, inner(*tree.map_structure(ops.convert_to_tensor, arrays)))

    return call


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


def _swap(pair):
    return pair[1], pair[0]
