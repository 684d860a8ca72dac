"""Mutual information of latents and factors from histograms."""

import numpy as np


def binned(codes: np.ndarray, bins: int) -> np.ndarray:
    """Bin numbers (N, D) of codes (N, D): equal widths from each latent's least to its largest value."""
    low, high = codes.min(axis=0), codes.max(axis=0)
    width = np.where(high > low, high - low, 1.0) / bins
    return np.minimum(((codes - low) / width).astype(np.int64), bins - 1)


def mutual_information(bins: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """I(latent d; factor f) in nats, (D, F), from integers (N, D) and (N, F); never negative.

    H(d) + H(f) - H(d, f), each entropy with the correction of `entropy`, without which independent variables seem to
    share about (bins - 1)(values - 1) / 2N nats.
    """
    out = np.empty((bins.shape[1], factors.shape[1]))
    for f in range(factors.shape[1]):
        values = np.unique(factors[:, f], return_inverse=True)[1]
        for d in range(bins.shape[1]):
            together = bins[:, d] * (values.max() + 1) + values
            out[d, f] = entropy(bins[:, d]) + entropy(values) - entropy(together)
    return np.maximum(out, 0.0)


def entropy(values: np.ndarray) -> float:
    """-sum p log p + (K - 1) / 2N in nats, K the values that occur.

    References:
        Miller (1955), the Miller-Madow correction.
    """
    counts = np.bincount(values)
    counts, n = counts[counts > 0], len(values)
    p = counts / n
    return float(-(p * np.log(p)).sum() + (len(counts) - 1) / (2 * n))
