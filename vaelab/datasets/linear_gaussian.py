"""Samples of a linear-Gaussian model, whose log-likelihood is known exactly: what every estimator is judged by."""

import numpy as np

from vaelab.config.types import NonNegativeInt, PositiveFloat, PositiveInt
from vaelab.datasets.base import Dataset, Split


def load(
    *,
    data_dir: str | None,
    seed: int,
    dims: PositiveInt,
    factors: PositiveInt,
    noise_std: PositiveFloat,
    n_train: PositiveInt,
    n_test: PositiveInt,
    data_seed: NonNegativeInt,
) -> Dataset:
    """float32 (N, 1, dims, 1): x = W z + b + noise_std * eps, z ~ N(0, I), eps ~ N(0, I).

    With model=linear and a Gaussian likelihood log p(x) of the trained model is exact,
    log N(x; b, W W' + s^2 I), and `log_marginal` gives that of the true one.

    Args:
        dims, factors: of x and z.
        data_seed: of W, b and all draws; the run's seed does not change the data.
    """
    W, b = parameters(dims, factors, data_seed)
    rng = np.random.default_rng([data_seed, 1])
    n = n_train + n_test
    x = rng.normal(size=(n, factors)) @ W.T + b + noise_std * rng.normal(size=(n, dims))
    x = x.astype(np.float32).reshape(n, 1, dims, 1)
    return Dataset("linear_gaussian", Split((x[:n_train],)), Split((x[n_train:],)), values="real")


def shapes(*, dims: int, **_) -> tuple[tuple[int, int, int], ...]:
    """((1, dims, 1),)"""
    return ((1, dims, 1),)


def parameters(dims: int, factors: int, data_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """W (dims, factors) and b (dims,) of the model the data come from."""
    rng = np.random.default_rng([data_seed, 0])
    return rng.normal(size=(dims, factors)), rng.normal(size=dims)


def log_marginal(x: np.ndarray, W: np.ndarray, b: np.ndarray, noise_std: float) -> np.ndarray:
    """log N(x; b, W W' + noise_std^2 I) in nats, (N,).

    Args:
        x: (N, ...) flattened to (N, dims).
    """
    x = np.asarray(x, np.float64).reshape(len(x), -1) - b
    covariance = W @ W.T + noise_std**2 * np.eye(len(b))
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, x.T)
    return -0.5 * (np.square(white).sum(0) + len(b) * np.log(2 * np.pi)) - np.log(np.diag(root)).sum()
