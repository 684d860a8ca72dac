"""The condition is some of the generative factors of an image."""

from typing import Literal

from vaelab.conditions.columns import Field, chosen, moments
from vaelab.errors import ConfigError


class Factors:
    """One-hot columns of each factor, or its index as a number with mean 0 and deviation 1 over training images.

    Args:
        names: which factors; None for all.
        encode: one_hot | number.
        planes: whether the encoder's images also get a channel for each column.
    """

    option = "factors"

    def __init__(self, *, names: list[str] | None, encode: Literal["one_hot", "number"], planes: bool):
        self.names, self.encode, self.planes = names, encode, planes

    def fields(self, dataset):
        """The chosen factors.

        Raises:
            ConfigError: the dataset has no factors, or not these.
        """
        if not dataset.factor_names:
            raise ConfigError(
                f"condition=factors needs generative factors; dataset={dataset.name} has none. Use condition=label or "
                "condition=none."
            )
        names, places = dataset.factor_names, self._places(dataset)
        if self.encode == "one_hot":
            return [Field(names[k], tuple(map(str, range(dataset.factor_sizes[k])))) for k in places]
        return [Field(names[k], (), *m) for k, m in zip(places, moments(self.values(dataset, dataset.train)))]

    def values(self, dataset, split):
        """(N, number of chosen factors)"""
        return None if split.factors is None else split.factors[:, self._places(dataset)]

    def _places(self, dataset) -> list[int]:
        return chosen(dataset.factor_names, self.names, "condition.names")
