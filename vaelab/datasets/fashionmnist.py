"""Fashion-MNIST: 60,000 + 10,000 articles of clothing, 28x28 grey."""

from vaelab.datasets import idx
from vaelab.datasets.base import Dataset

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def load(*, data_dir: str | None, seed: int, files: list[dict], folders: list[str], licence: str) -> Dataset:
    """uint8 (N, 28, 28, 1); official split and order.

    References:
        Xiao, Rasul & Vollgraf (2017), Fashion-MNIST.
    """
    return idx.load_pairs("fashionmnist", files, folders, CLASS_NAMES, data_dir)
