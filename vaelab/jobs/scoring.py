"""Images one by one: their scores, and where these lie among the run's own test images."""

import numpy as np

from vaelab.errors import ConfigError
from vaelab.scores.measure import IMAGES_PER_CALL, Ranks, make, measured, stored


class Scoring:
    """Scores of a run, or of several runs together, with those of their test images to compare with.

    Of several runs a score is its mean over them. `<score>_spread` is their standard deviation, and where the score
    estimates log p(x), `<score>_waic` = E[log p(x)] - Var[log p(x)], with that score's sign.

    Args:
        views: the `LatentView` of each run; their test images are the same.
        nodes: {option: node} of the group score.
        trusted: packages of the user's whose scores may be named.

    Raises:
        ConfigError: other test images.

    References:
        Choi, Jang & Alemi (2018), WAIC, but why? Generative ensembles for robust anomaly detection.
    """

    def __init__(self, views: list, nodes: dict, trusted=()):
        for view in views[1:]:
            if not _same_images(views[0].split("test").x, view.split("test").x):
                raise ConfigError(
                    f"run: percentiles are among the test images, and those of {view.name} are not those of "
                    f"{views[0].name}. Runs scored together are of one dataset: other seeds, other settings."
                )
        self._views = views
        self._members = [{name: make(node, view, trusted) for name, node in nodes.items()} for view in views]
        self.scores = self._members[0]
        self.own = self._measured([stored(view.split("test")) for view in views])
        self._ranks = {name: Ranks(self.own[name], score.sign) for name, score in self.scores.items()}
        self.columns = [c for name in self.scores for c in (*self._columns(name), f"{name}_percentile")]

    def of(self, images: list) -> dict[str, np.ndarray]:
        """{column: (N,)} of images: each score, and its percentile among the own test images.

        Args:
            images: as `View.see` takes them, prepared for each run.
        """
        found = self._measured(images)
        percentiles = {f"{name}_percentile": ranks.percentile(found[name]) for name, ranks in self._ranks.items()}
        return {column: (found | percentiles)[column] for column in self.columns}

    def chunks(self, splits: list):
        """(rows, {column: values}) of images, a split prepared for each run, a few hundred at a time."""
        for start in range(0, len(splits[0]), IMAGES_PER_CALL):
            rows = range(start, min(start + IMAGES_PER_CALL, len(splits[0])))
            yield rows, self.of([split.take(slice(rows.start, rows.stop)).inputs for split in splits])

    def _columns(self, name: str) -> list[str]:
        if len(self._views) == 1:
            return [name]
        return [name, f"{name}_spread"] + [f"{name}_waic"] * bool(self.scores[name].log_p)

    def _measured(self, images: list) -> dict[str, np.ndarray]:
        """{column: (N,)}, percentiles left out."""
        each = [measured(*member) for member in zip(self._views, self._members, images)]
        columns = {}
        for name, score in self.scores.items():
            values = np.stack([found[name] for found in each])
            mean, variance = values.mean(axis=0), values.var(axis=0, ddof=min(1, len(each) - 1))
            together = (mean, np.sqrt(variance), mean - score.log_p * variance)
            columns |= dict(zip(self._columns(name), together))
        return columns


def _same_images(one: tuple, other: tuple) -> bool:
    return [v.shape for v in one] == [v.shape for v in other] and all(
        np.array_equal(a[start : start + IMAGES_PER_CALL], b[start : start + IMAGES_PER_CALL])
        for a, b in zip(one, other)
        for start in range(0, len(a), IMAGES_PER_CALL)
    )
