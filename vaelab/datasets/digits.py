"""1,797 handwritten digits of 8x8 pixels that come with scikit-learn: no file, no network."""

import numpy as np

from vaelab.datasets.base import Dataset, Split

N_TEST = 360


def load(*, data_dir: str | None, seed: int, licence: str) -> Dataset:
    """Grey levels 0..16 as round(v * 255 / 16), uint8 (N, 8, 8, 1); the last 360 images are the test split.

    References:
        Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI; the test part of it.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = np.asarray(labels, np.int64)
    train = Split((images[:-N_TEST].copy(),), labels[:-N_TEST].copy())
    test = Split((images[-N_TEST:].copy(),), labels[-N_TEST:].copy())
    return Dataset("digits", train, test, class_names=tuple("0123456789"))
