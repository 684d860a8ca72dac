"""factor(progress) = start + (1 - start) * min(1, progress / share)."""

from keras import ops

from vaelab.config.types import Fraction, NonNegativeFloat


class Warmup:
    """A line from `start` to 1 over the first `share` of training, then 1 (Bowman et al., 2016)."""

    def __init__(self, *, start: NonNegativeFloat, share: Fraction):
        self.start, self.share = start, max(share, 1e-9)

    def __call__(self, progress):
        """progress in [0, 1] -> factor."""
        return self.start + (1.0 - self.start) * ops.minimum(progress / self.share, 1.0)
