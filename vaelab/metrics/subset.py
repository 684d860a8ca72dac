"""The rows a metric reads where a whole split would take too long: named in a setting, said in a note."""

import numpy as np

from vaelab.metrics.stream import stream


def subset(view, split: str, images: int | None) -> tuple[np.ndarray, str | None]:
    """Ascending row numbers of a split, and a sentence where they are not all.

    The rows do not depend on the metric, and fewer images are a subset of more: numbers of two metrics can be compared.

    Args:
        images: how many at most; None for the whole split.
    """
    total = len(view.split(split))
    if images is None or images >= total:
        return np.arange(total), None
    rows = np.sort(stream(view, "subset", split).permutation(total)[:images])
    return rows, f"{images:,} of {total:,} {split} images, drawn at random"


def noted(*sentences: str | None) -> str | None:
    """The notes that there are, as one text."""
    said = [s for s in sentences if s]
    return "; ".join(said) or None
