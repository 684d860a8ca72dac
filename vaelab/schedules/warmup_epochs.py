"""factor(epoch) = min(1, epoch / epochs)."""

from keras import ops

from vaelab.config.types import PositiveInt


class WarmupEpochs:
    """1 / epochs in the first epoch, 2 / epochs in the second, ..., then 1, however long the training is."""

    in_epochs = True

    def __init__(self, *, epochs: PositiveInt):
        self.epochs = epochs

    def __call__(self, progress):
        """Epochs begun (1 in the first) -> factor."""
        return ops.minimum(progress / self.epochs, 1.0)
