"""A condition c (B, K) joined to vectors and to images."""

import keras
from keras import layers, ops


def joined(values, condition=None):
    """values (B, n) or (S, B, n) with the condition (B, K) or (S, B, K) behind them, float32; without, as they are."""
    if condition is None:
        return values
    if len(condition.shape) == 3 > len(values.shape):
        values = ops.broadcast_to(values, (ops.shape(condition)[0], *ops.shape(values)))
    elif len(values.shape) == 3 > len(condition.shape):
        condition = ops.broadcast_to(condition, (ops.shape(values)[0], *ops.shape(condition)))
    return ops.concatenate([ops.cast(values, "float32"), condition], axis=-1)


def exported(values, condition, name: str):
    """The same of symbolic tensors (B, n), (B, K), made of built-in layers; condition may be ()."""
    return layers.Concatenate(name=name, dtype="float32")([values, *condition]) if condition else values


def with_planes(network, data_shape, dim: int):
    """[image (B, H, W, C), ..., condition (B, K)] -> features of a network of images (B, H, W, C + K) [, ...].

    Args:
        network: functional; its first input is the image.
        data_shape: (H, W, C).
        dim: K.
    """
    height, width, _ = data_shape
    image, condition = keras.Input(data_shape, name="image"), keras.Input((dim,), name="condition")
    others = [keras.Input(i.shape[1:], name=i.name) for i in network.inputs[1:]]
    planes = layers.RepeatVector(height * width, name="condition_repeated")(condition)
    planes = layers.Reshape((height, width, dim), name="condition_planes")(planes)
    seen = layers.Concatenate(name="image_and_condition")([image, planes])
    features = network([seen, *others] if others else seen)
    return keras.Model([image, *others, condition], features, name=network.name)
