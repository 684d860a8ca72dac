"""Codes and the generative factors they are judged by."""

from typing import NamedTuple

import numpy as np

from vaelab.errors import NotApplicable
from vaelab.metrics.subset import noted


class Factored(NamedTuple):
    """Codes (N, D) in float64, integer factors (N, F), the factors' names and a note.

    Factors with a single value in the split are left out, and the note says so.
    """

    codes: np.ndarray
    factors: np.ndarray
    names: tuple[str, ...]
    note: str | None


def factored(view, split: str, code: str, *, metric: str, at_least: int = 1) -> Factored:
    """Codes and factors of a split; ConfigError where the dataset has none.

    Args:
        code: "mean" (of q(z|x), the custom) or "sample", where a latent without information is noise.
        metric: who asks, for the message.
        at_least: how many factors that vary are needed.
    """
    factors, varies = needed(view, split, metric=metric, at_least=at_least)
    part = view.split(split)
    names = tuple(n for n, v in zip(view.factor_names, varies) if v)
    fixed = [n for n, v in zip(view.factor_names, varies) if not v]
    codes = np.asarray(part.mean if code == "mean" else part.z, np.float64)
    note = f"constant and left out: {', '.join(fixed)}" if fixed else None
    return Factored(codes, factors[:, varies].astype(np.int64), names, noted(note, f"code: {code}"))


def needed(view, split: str, *, metric: str, at_least: int = 1, **_) -> tuple[np.ndarray, np.ndarray]:
    """Factors (N, F) of a split and which of them vary; ConfigError where there are too few."""
    part = view.split(split)
    if part.factors is None:
        raise NotApplicable(
            f"metric={metric} needs the generative factors of each image, and this run's dataset has none. "
            "Use dataset=dsprites or dataset=shapes2d."
        )
    factors = np.asarray(part.factors)
    varies = (factors != factors[0]).any(axis=0)
    if varies.sum() < at_least:
        raise NotApplicable(
            f"metric={metric} needs {at_least} factors that vary; the {split} split has {varies.sum()}."
        )
    return factors, varies


def parted(n: int, train: int, test: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Disjoint random rows to fit on and to judge on, both fewer in proportion where there are not enough; a note."""
    share = min(1.0, n / (train + test))
    train, test = max(1, int(train * share)), max(1, int(test * share))
    order = rng.permutation(n)
    note = f"fitted to {train:,} and judged on {test:,} of {n:,} images, drawn at random"
    return order[:train], order[train : train + test], note
