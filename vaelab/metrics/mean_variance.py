"""How much each latent's posterior mean moves from image to image."""

import numpy as np


def mean_variance(view, split: str) -> np.ndarray:
    """Var_x(E_q(z|x) z_d), (D,).

    Where the mean is one over n draws, its own noise, E_x Var(z_d|x) / n, is taken off: a dead latent of unit spread
    would else seem to move by 1 / n.
    """
    part = view.split(split)
    variance = np.asarray(part.mean, np.float64).var(axis=0)
    if view.moment_draws is None:
        return variance
    noise = np.square(np.asarray(part.std, np.float64)).mean(axis=0) / (view.moment_draws - 1)
    return np.maximum(variance - noise, 0.0)
