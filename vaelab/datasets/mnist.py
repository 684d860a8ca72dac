"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 grey."""

from vaelab.datasets import idx
from vaelab.datasets.base import Dataset


def load(*, data_dir: str | None, seed: int, files: list[dict], folders: list[str], licence: str) -> Dataset:
    """uint8 (N, 28, 28, 1), white ink on black; official split and order.

    References:
        LeCun, Cortes & Burges (1998), The MNIST database of handwritten digits.
    """
    return idx.load_pairs("mnist", files, folders, tuple("0123456789"), data_dir)
