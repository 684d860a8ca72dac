"""Images made of a run's own that are none of its kind: what every model should find strange."""

import numpy as np


def noise(x, rng, levels):
    """Every pixel by itself, uniform over the levels."""
    return levels(x.shape)


def constant(x, rng, levels):
    """One level per image and channel."""
    return np.broadcast_to(levels((len(x), 1, 1, x.shape[3])), x.shape)


def flipped(x, rng, levels):
    """Upside down."""
    return x[:, ::-1]


def flipped_horizontally(x, rng, levels):
    """Left and right exchanged."""
    return x[:, :, ::-1]


def inverted(x, rng, levels):
    """Dark and bright exchanged."""
    low, high = levels.ends
    return (high + low - x).astype(x.dtype)


def shuffled_patches(x, rng, levels):
    """A grid of four by four patches (as near as the size allows), another order for each image."""
    n, height, width, channels = x.shape
    rows, columns = _parts(height), _parts(width)
    patches = x.reshape(n, rows, height // rows, columns, width // columns, channels).swapaxes(2, 3)
    patches = patches.reshape(n, rows * columns, height // rows, width // columns, channels)
    order = rng.permuted(np.tile(np.arange(rows * columns), (n, 1)), axis=1)
    patches = np.take_along_axis(patches, order[:, :, None, None, None], axis=1)
    patches = patches.reshape(n, rows, columns, height // rows, width // columns, channels)
    return patches.swapaxes(2, 3).reshape(x.shape)


def _parts(n: int) -> int:
    return next((k for k in (4, 3, 5, 2, 7) if n % k == 0), n)


class Levels:
    """Draws of pixels over the range that images have: 0 and 1 where these are binary.

    Args:
        x: uint8 or float32 images.
        real: whether their range is their own, not [0, 1].
    """

    def __init__(self, x: np.ndarray, rng, real: bool):
        self.ends = (x.min(), x.max()) if real else (0, 255) if x.dtype == np.uint8 else (0.0, 1.0)
        self._rng, self._dtype = rng, x.dtype
        self._binary = not real and bool(np.isin(x, self.ends).all())

    def __call__(self, shape) -> np.ndarray:
        low, high = self.ends
        if self._binary:
            return self._rng.choice(np.array(self.ends, self._dtype), shape)
        if self._dtype == np.uint8:
            return self._rng.integers(low, high, shape, np.uint8, endpoint=True)
        return (low + (high - low) * self._rng.random(shape)).astype(self._dtype)


FOILS = {f.__name__: f for f in (noise, constant, flipped, flipped_horizontally, inverted, shuffled_patches)}


def made(name: str, images, rng, *, real: bool) -> tuple:
    """A foil of images (views (N, H, W, C)), each view by itself."""
    return tuple(np.ascontiguousarray(FOILS[name](x, rng, Levels(x, rng, real))) for x in images)
