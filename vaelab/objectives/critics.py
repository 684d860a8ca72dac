"""Networks T(x_1, ..., x_V, [c,] z) -> (B,) that tell posterior draws from others; a condition c is seen with x."""

import keras
from keras import layers

from vaelab.contracts import Structure, optional


def inner_product(views, *, hidden_dims, activation):
    """T = sum over views of <f(2x - 1), g(z)>, two towers of equal size; their last layers have no activation.

    The published playground ends both towers in a relu, which keeps T from ever being negative although its optimum
    log q(z|x) - log p(z) is; parameters are the same.

    Args:
        views: `ViewInputs`.
    """
    logits = [
        layers.Dot(axes=1, dtype="float32", name=f"inner_product{n}")(
            [
                _tower(_pixels(images, n), hidden_dims, activation, "linear", f"f{n}"),
                _tower(z, hidden_dims, activation, "linear", f"g{n}"),
            ]
        )
        for n, images, z in views.each()
    ]
    return _critic(views, logits)


def contrasting(views, *, hidden_dims, inner_dim, activation):
    """T = sum over views of <theta(x), s(z)> + t_x(x) + t_z(z) + |z|^2 / 2, four towers on 2x - 1 and z.

    |z|^2 / 2 takes part in comparing z with N(0, I).

    Args:
        views: `ViewInputs`.
        inner_dim: size of theta and s.
    """
    logits = []
    for n, images, z in views.each():
        x = _pixels(images, n)
        theta = _tower(x, [*hidden_dims, inner_dim], activation, activation, f"theta{n}")
        s = _tower(z, [*hidden_dims, inner_dim], activation, activation, f"s{n}")
        logits += [
            layers.Dot(axes=1, dtype="float32", name=f"inner_product{n}")([theta, s]),
            _tower(x, [*hidden_dims, 1], activation, "linear", f"t_x{n}"),
            _tower(z, [*hidden_dims, 1], activation, "linear", f"t_z{n}"),
        ]
    squared = layers.Dot(axes=1, dtype="float32", name="squared_norm")([views.z, views.z])
    return _critic(views, [*logits, layers.Rescaling(0.5, dtype="float32", name="half_squared_norm")(squared)])


class ViewInputs:
    """Symbolic images of all views and the latent vector, and which of them meet in one term of the critic.

    Args:
        structure: has `data_shapes`, `latent_dim`, `latent_parts`, `view_parts`, and may have `condition_dim`.
        joint: False: one term for each view, T_i(x_i, [private_i, shared]); True: one term of all views and all of z.
    """

    def __init__(self, structure, joint: bool):
        self.images = [keras.Input(s, name=f"image_{i}") for i, s in enumerate(structure.data_shapes, start=1)]
        size = optional(structure, Structure, "condition_dim")
        self.given = [keras.Input((size,), name="condition")] if size else []
        self.z = keras.Input((structure.latent_dim,), name="z")
        self._parts = [[structure.latent_parts[p] for p in read] for read in structure.view_parts]
        self._joint = joint

    def each(self):
        """(suffix of names, images and the condition, z of the term) for every term."""
        if self._joint or len(self.images) == 1:
            yield "", [*self.images, *self.given], self.z
            return
        for n, (image, parts) in enumerate(zip(self.images, self._parts), start=1):
            pieces = [self.z[:, part] for part in parts]
            z = pieces[0] if len(pieces) == 1 else layers.Concatenate(name=f"z_{n}")(pieces)
            yield f"_{n}", [image, *self.given], z


def _pixels(images, name):
    """All pixels of some images (and a condition) as 2x - 1, (B, n)."""
    flat = [layers.Flatten()(image) if len(image.shape) > 2 else image for image in images]
    flat = flat[0] if len(flat) == 1 else layers.Concatenate(name=f"all_views{name}")(flat)
    return layers.Rescaling(2.0, -1.0, name=f"center{name}")(flat)


def _tower(x, dims, activation, last, name):
    """Dense layers; the last one has an activation of its own and float32 outputs."""
    for n, width in enumerate(dims[:-1], start=1):
        x = layers.Dense(width, activation=activation, name=f"{name}_{n}")(x)
    return layers.Dense(dims[-1], activation=last, dtype="float32", name=f"{name}_{len(dims)}")(x)


def _critic(views, logits):
    """The sum of (B, 1) terms as a model [x_1, ..., x_V, z] -> (B,)."""
    total = logits[0] if len(logits) == 1 else layers.Add(dtype="float32", name="logit")(logits)
    inputs = [*views.images, *views.given, views.z]
    return keras.Model(inputs, layers.Reshape((), dtype="float32", name="t")(total), name="critic")
