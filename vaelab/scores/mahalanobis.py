"""How far an image's code is from the middle of the training codes."""

import numpy as np


def mahalanobis(view):
    """sqrt((m - mu)' C^-1 (m - mu)) of m = E[z|x]; larger is stranger. One pass through the encoder.

    mu and C are mean and covariance of q(z), the mixture of q(z|x) over the training images,
    C = Cov(E[z|x]) + E[Var(z|x)], so that latents which carry nothing count for nothing.

    References:
        Mahalanobis (1936); Denouden et al. (2018), Improving reconstruction autoencoder out-of-distribution detection
        with Mahalanobis distance.
    """
    train = view.split("train")
    codes, std = np.asarray(train.mean, np.float64), np.asarray(train.std, np.float64)
    middle = codes.mean(axis=0)
    covariance = (codes - middle).T @ (codes - middle) / len(codes) + np.diag(np.mean(std**2, axis=0))
    root = np.linalg.cholesky(covariance)
    return lambda seen: np.linalg.norm(np.linalg.solve(root, (seen.mean.astype(np.float64) - middle).T), axis=0)
