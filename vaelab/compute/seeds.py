"""Named sub-seeds. All randomness of a run comes from `seed` through this file."""

import numpy as np

# A key never changes its number: old runs must be repeatable.
KEYS = {"split": 0, "init": 1, "order": 2, "train_noise": 3, "eval_noise": 4, "plots": 5, "data": 6, "metrics": 7}


def sequence(seed: int, key: str) -> np.random.SeedSequence:
    """The `SeedSequence` of one use, independent of every other use."""
    return np.random.SeedSequence([seed, KEYS[key]])


def sub_seed(seed: int, key: str) -> int:
    """One 31-bit integer for APIs that take an integer seed (Keras, scikit-learn)."""
    return int(sequence(seed, key).generate_state(1)[0] >> 1)


def generator(seed: int, key: str, *more: int) -> np.random.Generator:
    """A fresh numpy generator for one use; `more` (an epoch, a split) selects a sub-stream."""
    return np.random.default_rng(np.random.SeedSequence([seed, KEYS[key], *more]))
