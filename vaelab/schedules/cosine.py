"""factor(progress) = end + (start - end) * (1 + cos(pi * progress)) / 2."""

import math

from keras import ops

from vaelab.config.types import NonNegativeFloat


class Cosine:
    """Half a cosine from `start` to `end` (Loshchilov & Hutter, 2017, without restarts)."""

    def __init__(self, *, start: NonNegativeFloat, end: NonNegativeFloat):
        self.start, self.end = start, end

    def __call__(self, progress):
        """progress in [0, 1] -> factor."""
        return self.end + (self.start - self.end) * 0.5 * (1.0 + ops.cos(math.pi * progress))
