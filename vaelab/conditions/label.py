"""The condition is the class of an image."""

from vaelab.conditions.columns import Field
from vaelab.errors import ConfigError


class Label:
    """One column for each class, one-hot.

    Args:
        planes: whether the encoder's images also get a channel for each column.
    """

    option = "label"

    def __init__(self, *, planes: bool):
        self.planes = planes

    def fields(self, dataset):
        """[class]

        Raises:
            ConfigError: the dataset has no classes.
        """
        if not dataset.class_names:
            raise ConfigError(
                f"condition=label needs class labels; dataset={dataset.name} has none. Use condition=none, or another "
                "dataset."
            )
        return [Field("class", tuple(dataset.class_names))]

    def values(self, dataset, split):
        """(N, 1)"""
        return None if split.y is None else split.y[:, None]
