"""The condition is the tag of each view, for instance its background."""

from vaelab.conditions.columns import Field
from vaelab.errors import ConfigError


class Tags:
    """One-hot columns of each view's tag, named tag, or tag_1, ..., tag_V.

    Args:
        planes: whether the encoder's images also get a channel for each column.
    """

    option = "tags"

    def __init__(self, *, planes: bool):
        self.planes = planes

    def fields(self, dataset):
        """A tag for each view.

        Raises:
            ConfigError: the dataset has no tags.
        """
        if not dataset.tag_names or dataset.train.tags is None:
            raise ConfigError(
                f"condition=tags needs tagged views; dataset={dataset.name} has none. Use condition=label or "
                "condition=none."
            )
        views = dataset.train.tags.shape[1]
        names = ["tag"] if views == 1 else [f"tag_{v}" for v in range(1, views + 1)]
        return [Field(name, tuple(dataset.tag_names)) for name in names]

    def values(self, dataset, split):
        """(N, V)"""
        return split.tags
