"""two_digits.npz: the zeros and ones of MNIST, which two latents encode as two clouds.

python two_digits.py DATA_DIR
"""

import sys

import numpy as np

from vaelab.config.compose import compose
from vaelab.config.plain import plain
from vaelab.datasets.prepare import load_dataset


def main(data_dir: str) -> None:
    """Arrays as dataset=npz reads them."""
    dataset = load_dataset(
        plain(compose("train", ["dataset=mnist"]).dataset), data_dir=data_dir, seed=0, validation=False
    )
    arrays = {}
    for name in ("train", "test"):
        part = dataset.split(name)
        rows = np.flatnonzero(part.y < 2)
        arrays |= {f"x_{name}": np.asarray(part.x[0][rows]), f"y_{name}": part.y[rows]}
    np.savez_compressed("two_digits.npz", **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
