"""Functional models: names, parts of vectors made of built-in layers, and what they consist of."""

import keras
from keras import layers


def renamed(model, name: str):
    """The same network under another name: a model's parts must differ in theirs."""
    return model if model.name == name else keras.Model(model.inputs, model.outputs[0], name=name)


def cut(x, part: slice, name: str):
    """x[:, part] of a symbolic (B, n), None for an empty part; slicing by index would not reload from `.h5`."""
    n = x.shape[-1]
    if part.start == part.stop:
        return None
    if (part.start, part.stop) == (0, n):
        return x
    column = layers.Reshape((n, 1), name=f"{name}_column")(x)
    column = layers.Cropping1D((part.start, n - part.stop), name=f"{name}_cut")(column)
    return layers.Reshape((part.stop - part.start,), name=name)(column)


def cuts(sizes, start: int = 0) -> list[slice]:
    """Consecutive slices of the given sizes."""
    found = []
    for size in sizes:
        found.append(slice(start, start + size))
        start += size
    return found


def concatenated(tensors, name: str):
    """Symbolic tensors (B, n_i) one after another."""
    tensors = list(tensors)
    return tensors[0] if len(tensors) == 1 else layers.Concatenate(name=name)(tensors)


def layer_rows(network: str, model) -> list[tuple]:
    """(network, layer, type, output shape, parameters) of every layer, those of nested models included."""
    rows = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            rows += layer_rows(network, layer)[1:]  # its input is the layer before
        else:
            shape = tuple(layer.output.shape[1:])
            rows.append((network, layer.name, type(layer).__name__, shape, layer.count_params()))
    return rows
