"""Affine couplings (RealNVP) in Keras's tensors: a map with exact inverse and exact determinant."""

import keras
import numpy as np
from keras import layers, ops


class Couplings(layers.Layer):
    """f = f_L o ... o f_1 on (..., D). A coupling leaves every other component, a, as it is and moves the rest by nets
    of it: b' = b exp(s(a)) + t(a), s = bound tanh(.), so that log |det df| = sum of all s. Components take turns.

    With a context h the nets read [a, h]. The last layers start at 0: the first f is the identity.

    Args:
        couplings: L; two move each component once.
        hidden_dims: of the net of each coupling.
        bound: largest |s|.
        size: D, two or more.
        scope: what the paths of the weights begin with.
        context_dim: size of h; 0 for none.
        prefix: of the names of the layers.

    References:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using real NVP.
    """

    def __init__(self, *, couplings, hidden_dims, activation, bound, size, scope, context_dim=0, prefix=""):
        super().__init__(name="couplings", dtype="float32")
        self.bound, self.size, self.prefix = bound, size, prefix
        # which components a coupling reads: 1 for those it leaves
        self._masks = [(np.arange(size) % 2 == k % 2).astype("float32") for k in range(couplings)]
        self.bodies, self.scales, self.shifts = [], [], []
        for k in range(1, couplings + 1):
            name = f"{prefix}coupling_{k}"
            body = [
                layers.Dense(n, activation, dtype="float32", name=f"{name}_{i}") for i, n in enumerate(hidden_dims, 1)
            ]
            heads = [layers.Dense(size, kernel_initializer="zeros", dtype="float32", name=f"{name}_{h}") for h in "st"]
            sizes = [size + context_dim, *hidden_dims]
            with keras.name_scope(scope):  # checkpoints keep weights by their path
                for layer, n in zip([*body, *heads], [*sizes, sizes[-1]]):
                    layer.build((None, n))
            self.bodies.append(body)
            self.scales.append(heads[0])
            self.shifts.append(heads[1])
        self.built = True

    def _nets(self, k, z, context):
        """(s, t) of a coupling, 0 where a component stays: (..., D) each."""
        mask = ops.convert_to_tensor(self._masks[k])
        h = z * mask
        if context is not None:
            if len(z.shape) > len(context.shape):
                context = ops.broadcast_to(context, (*ops.shape(z)[:-1], context.shape[-1]))
            h = ops.concatenate([h, context], axis=-1)
        for layer in self.bodies[k]:
            h = layer(h)
        return self.bound * ops.tanh(self.scales[k](h)) * (1.0 - mask), self.shifts[k](h) * (1.0 - mask)

    def call(self, z, context=None):
        """f(z), (..., D); context (B, C) of z (B, D) or (S, B, D)."""
        for k in range(len(self.bodies)):
            s, t = self._nets(k, z, context)
            z = z * ops.exp(s) + t
        return z

    def inverse(self, z, context=None, log_det=0.0):
        """(f^-1(z), log |det df^-1|): (..., D), (...); the second comes on top of `log_det`."""
        for k in reversed(range(len(self.bodies))):
            s, t = self._nets(k, z, context)
            z, log_det = (z - t) * ops.exp(-s), log_det - ops.sum(s, axis=-1)
        return z, log_det

    def exported(self, z, context=None):
        """f of symbolic tensors, of built-in layers with the weights of now: the masks are zeros of their kernels."""
        for k, (body, mask) in enumerate(zip(self.bodies, self._masks)):
            name = f"{self.prefix}coupling_{k + 1}"
            read = np.concatenate([mask, np.ones(0 if context is None else context.shape[-1], "float32")])[:, None]
            h = z if context is None else layers.Concatenate(name=f"{name}_seen")([z, context])
            for n, layer in enumerate(body):
                kernel, bias = layer.get_weights()
                h = _dense(h, layer, kernel * read if n == 0 else kernel, bias, layer.activation)
            heads = []
            for layer, activation in ((self.scales[k], "tanh"), (self.shifts[k], None)):
                kernel, bias = layer.get_weights()
                kernel = kernel if body else kernel * read
                heads.append(_dense(h, layer, kernel * (1.0 - mask), bias * (1.0 - mask), activation))
            s = layers.Rescaling(self.bound, name=f"{name}_bound")(heads[0])
            factor = layers.Activation("exponential", name=f"{name}_factor")(s)
            z = layers.Add(name=name)([layers.Multiply(name=f"{name}_scaled")([z, factor]), heads[1]])
        return z

    def layer_rows(self):
        """(layer, type, output shape, parameters) of every layer, in the order in which they act."""
        nets = zip(self.bodies, self.scales, self.shifts)
        return [(d.name, "Dense", (d.units,), d.count_params()) for body, s, t in nets for d in (*body, s, t)]


def _dense(h, like, kernel, bias, activation):
    """A dense layer of these weights on a symbolic tensor."""
    layer = layers.Dense(like.units, activation, name=like.name)
    h = layer(h)
    layer.set_weights([kernel, bias])
    return h
