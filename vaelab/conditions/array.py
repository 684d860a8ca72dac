"""The condition is an array of numbers that came with the images (dataset=npz)."""

from vaelab.conditions.columns import Field, chosen, moments
from vaelab.errors import ConfigError


class Array:
    """One column for each covariate.

    Args:
        names: which covariates; None for all.
        standardize: whether each has mean 0 and standard deviation 1 over the training images, or is as it is.
        planes: whether the encoder's images also get a channel for each column.
    """

    option = "array"

    def __init__(self, *, names: list[str] | None, standardize: bool, planes: bool):
        self.names, self.standardize, self.planes = names, standardize, planes

    def fields(self, dataset):
        """The chosen covariates.

        Raises:
            ConfigError: the dataset has no covariates, or not these.
        """
        if not dataset.covariate_names:
            raise ConfigError(
                f"condition=array needs numbers beside the images; dataset={dataset.name} has none. Give them with "
                "dataset=npz dataset.train_covariates=<array> dataset.test_covariates=<array>, or use condition=none."
            )
        names = [dataset.covariate_names[k] for k in self._places(dataset)]
        if not self.standardize:
            return [Field(name) for name in names]
        return [Field(name, (), *m) for name, m in zip(names, moments(self.values(dataset, dataset.train)))]

    def values(self, dataset, split):
        """(N, number of chosen covariates)"""
        return None if split.covariates is None else split.covariates[:, self._places(dataset)]

    def _places(self, dataset) -> list[int]:
        return chosen(dataset.covariate_names, self.names, "condition.names")
