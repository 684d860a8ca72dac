"""How well errors of the decoded images tell where an image is not as it should be."""

import numpy as np

from vaelab.config.types import Split, TwoOrMore
from vaelab.errors import NotApplicable
from vaelab.metrics.score import Score
from vaelab.metrics.stream import stream
from vaelab.system import memory

_LEVELS, _PER_CALL = 4096, 250


def pixel_anomaly(view, *, split: Split, bootstrap: TwoOrMore) -> dict[str, Score]:
    """AUROC of |x - E[x|z]| of each pixel against the masks of the images, a fraction with its bootstrap error.

    z is the mean code; channels are averaged. The positives are the pixels that a mask calls strange (128 and more of
    255), the negatives all others of the split, of normal images too. Errors are told apart in 4,096 steps from 0 to
    the largest. Images are resampled for the error, not pixels: those of one image go together.

    Args:
        bootstrap: resamplings.

    References:
        Bergmann et al. (2019), MVTec AD: a comprehensive real-world dataset for unsupervised anomaly detection.
    """
    part, masks = view.split(split), _masks(view, split)
    n = len(part)
    memory.require(8 * n * _LEVELS, f"{n:,} histograms of {_LEVELS:,} errors", "Use fewer test images.")
    largest = max(float(error.max()) for _, error in _errors(view, part))
    counts = np.zeros((n, 2, _LEVELS), np.float32)  # of normal and of strange pixels
    for rows, error in _errors(view, part):
        level = np.minimum((error * (_LEVELS / max(largest, 1e-12))).astype(np.int64), _LEVELS - 1)
        strange = masks[rows, ..., 0] >= 128
        for k, row in enumerate(rows):
            for kind in (0, 1):
                counts[row, kind] = np.bincount(level[k][strange[k] == kind], minlength=_LEVELS)
    times = stream(view, "pixel_anomaly", split).multinomial(n, np.full(n, 1 / n), size=bootstrap)
    drawn = (times.astype(np.float32) @ counts.reshape(n, -1)).reshape(bootstrap, 2, _LEVELS)
    aurocs = [a for a in map(_auroc, drawn) if a is not None]
    normal, strange = counts.sum(axis=(0, 2), dtype=np.float64)
    many = f"{strange:,.0f} pixels of {int(counts[:, 1].any(axis=1).sum()):,} images against {normal:,.0f}"
    error = float(np.std(aurocs, ddof=1)) if len(aurocs) > 1 else None
    return {"pixel_anomaly_auroc": Score(_auroc(counts.sum(axis=0, dtype=np.float64)), error, n, note=many)}


def _errors(view, part):
    """(rows, (n, H, W) errors), some images at a time."""
    for start in range(0, len(part), _PER_CALL):
        rows = np.arange(start, min(start + _PER_CALL, len(part)))
        decoded = view.decode(part.mean[rows], *part.given(rows))
        yield rows, np.abs(part.images(rows)[0] - decoded[0]).mean(axis=-1)


def _auroc(counts: np.ndarray) -> float | None:
    """Of (2, levels) counts of normal and strange pixels, ties counting half; None where a kind is missing."""
    normal, strange = counts.astype(np.float64)
    if not normal.sum() or not strange.sum():
        return None
    return float(np.sum(strange * (np.cumsum(normal) - normal / 2)) / (normal.sum() * strange.sum()))


def _masks(view, split: str, **_) -> np.ndarray:
    masks = view.split(split).masks
    if masks is None:
        raise NotApplicable(
            f"metric=pixel_anomaly needs masks, and this run's {split} split has none: dataset=image_folder reads them "
            "from ground_truth/<class>/ beside train/ and test/."
        )
    if not (strange := masks >= 128).any() or strange.all():
        raise NotApplicable("metric=pixel_anomaly needs masks that call some pixels strange and others not.")
    return masks


pixel_anomaly.needs = _masks
