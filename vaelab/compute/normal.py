"""The normal distribution in numpy, nats."""

import math

import numpy as np

LOG_2PI = math.log(2 * math.pi)


def log_normal(z, mean, std) -> np.ndarray:
    """log N(z; mean, std^2), each latent by itself."""
    return -0.5 * np.square((z - mean) / std) - np.log(std) - 0.5 * LOG_2PI


def rate(mean, std) -> np.ndarray:
    """KL(N(mean, std^2) || N(0, 1)) = (mean^2 + std^2 - 1) / 2 - log std, each latent by itself, float64."""
    mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    return 0.5 * (mean**2 + std**2 - 1.0) - np.log(std)
