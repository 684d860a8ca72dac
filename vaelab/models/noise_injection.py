"""Noise that enters a body behind its first convolution."""


def with_noise(image, x, noise_dim: int):
    """(inputs of the body, x + A noise), A a dense layer without activation from noise to the shape of x.

    Args:
        image: the body's image input.
        x: (B, h, w, F), behind the first convolution.
        noise_dim: size of the noise; 0 leaves x as it is.
    """
    import math

    import keras
    from keras import layers

    if not noise_dim:
        return image, x
    noise = keras.Input((noise_dim,), name="noise")
    shape = tuple(x.shape[1:])
    added = layers.Reshape(shape, name="noise_image")(layers.Dense(math.prod(shape), name="noise_map")(noise))
    return [image, noise], layers.Add(name="join_noise")([x, added])
