"""Images one by one: their scores, and where these lie among the run's own test images."""

import numpy as np

from vaelab.scores.measure import IMAGES_PER_CALL, Ranks, make, measured


class Scoring:
    """Scores of a run, with those of its own test images to compare with.

    Args:
        view: the run's `LatentView`.
        nodes: {option: node} of the group score.
        trusted: packages of the user's whose scores may be named.
    """

    def __init__(self, view, nodes: dict, trusted=()):
        self._view = view
        self.scores = {name: make(node, view, trusted) for name, node in nodes.items()}
        self.own = measured(view, self.scores, view.split("test").x)
        self._ranks = {name: Ranks(values, self.scores[name].sign) for name, values in self.own.items()}
        self.columns = [column for name in self.scores for column in (name, f"{name}_percentile")]

    def of(self, images) -> dict[str, np.ndarray]:
        """{column: (N,)} of images, views as stored: each score, and its percentile among the own test images."""
        found = measured(self._view, self.scores, images)
        percentiles = {f"{name}_percentile": self._ranks[name].percentile(values) for name, values in found.items()}
        return {column: (found | percentiles)[column] for column in self.columns}

    def chunks(self, split):
        """(rows, {column: values}) of a split, a few hundred images at a time."""
        for start in range(0, len(split), IMAGES_PER_CALL):
            rows = range(start, min(start + IMAGES_PER_CALL, len(split)))
            yield rows, self.of(split.take(slice(rows.start, rows.stop)).x)
