"""What a metric returns: a number with what is needed to trust it."""

from typing import NamedTuple

import numpy as np


class Score(NamedTuple):
    """One measured number.

    Attributes:
        value: the estimate (nats per image unless the metric's docstring says otherwise); None where there is none.
        se: standard error over the split, where it makes sense.
        n: number of images it was computed from.
        samples: posterior samples per image, where sampling is involved.
        note: a sentence the reader must know (saturation, bias), or None.
        each: (numbers of the images in their split, their values), (n,) each, where what two models differ by can be
            told image by image; or None.
        doubt: a few words that are printed in place of an error, where the value is but a bound; or None.
    """

    value: float | None
    se: float | None = None
    n: int | None = None
    samples: int | None = None
    note: str | None = None
    doubt: str | None = None
    each: tuple[np.ndarray, np.ndarray] | None = None


def mean_score(values: np.ndarray, rows: np.ndarray | None = None, **more) -> Score:
    """The mean of per-image values (N,) with its standard error.

    Args:
        rows: numbers of the images in their split; None where the values are not to be kept.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    se = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return Score(float(values.mean()), se, n, each=None if rows is None else (rows, values), **more)
