"""factor(progress) = factor ^ (number of `at` already passed)."""

from keras import ops

from vaelab.config.types import Fraction, PositiveFloat


class Steps:
    """Multiplied by `factor` at each share of training listed in `at`."""

    def __init__(self, *, factor: PositiveFloat, at: list[Fraction]):
        self.factor, self.at = factor, list(at)

    def __call__(self, progress):
        """progress in [0, 1] -> factor."""
        passed = sum(ops.cast(progress >= share, "float32") for share in self.at)
        return ops.power(self.factor, passed)
