"""factor(progress) = start + (1 - start) * min(1, t / rising), t the place within one of `cycles` equal cycles."""

from keras import ops

from vaelab.config.types import Fraction, NonNegativeFloat, PositiveInt


class Cyclical:
    """A line from `start` to 1 over the first share `rising` of every cycle, then 1 until the next one begins.

    Its end is 1, the end of the last cycle.

    References:
        Fu et al. (2019), Cyclical annealing schedule: a simple approach to mitigating KL vanishing.
    """

    def __init__(self, *, start: NonNegativeFloat, cycles: PositiveInt, rising: Fraction):
        self.start, self.cycles, self.rising = start, cycles, max(rising, 1e-9)

    def __call__(self, progress):
        """progress in [0, 1] -> factor."""
        turns = progress * float(self.cycles)
        within = turns - ops.minimum(ops.floor(turns), self.cycles - 1.0)
        return self.start + (1.0 - self.start) * ops.minimum(within / self.rising, 1.0)
