"""Is each factor in one latent? Measured by information."""

from functools import partial
from typing import Literal

import numpy as np

from vaelab.config.types import PositiveInt, Split
from vaelab.metrics import histogram
from vaelab.metrics.factored import factored, needed
from vaelab.metrics.score import Score


def mig(view, *, split: Split, code: Literal["mean", "sample"], bins: PositiveInt) -> dict[str, Score]:
    """Mutual information gap: mean over factors f of (I(z_1; f) - I(z_2; f)) / H(f), between 0 and 1.

    z_1 and z_2 are the latents that tell most and second most about f. `mig_<factor>` is its term. A factor with more
    values than bins cannot reach 1.

    Args:
        code: posterior means, as is the custom, or posterior draws.
        bins: equal-width bins per latent.

    References:
        Chen, Li, Grosse & Duvenaud (2018).
    """
    codes, factors, names, note = factored(view, split, code, metric="mig")
    information = histogram.mutual_information(histogram.binned(codes, bins), factors)  # (D, F)
    ordered = np.sort(information, axis=0)[::-1]  # most informative latent first, factor by factor
    second = ordered[1] if len(ordered) > 1 else 0.0
    entropies = np.array([histogram.entropy(factors[:, f] - factors[:, f].min()) for f in range(factors.shape[1])])
    gaps = (ordered[0] - second) / entropies
    n = len(codes)
    each = {f"mig_{name}": Score(float(gap), None, n, note=note) for name, gap in zip(names, gaps)}
    return {"mig": Score(float(gaps.mean()), None, n, note=note), **each}


mig.needs = partial(needed, metric="mig")
