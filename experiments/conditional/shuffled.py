"""Does a condition that says nothing help or hurt? MNIST whose labels were shuffled, with and without them.

python shuffled.py make DATA_DIR      (writes shuffled.npz)
python shuffled.py tell OUTPUTS       (of the finished sweep: the elbo of each run, and the paired differences)
"""

import sys

import numpy as np

import vaelab
from vaelab.datasets.by_name import load_by_name


def make(data_dir: str) -> None:
    """The images in their order, the labels of each split in another."""
    found, rng = load_by_name("mnist", "dataset", data_dir, 0), np.random.default_rng(0)
    train, test = found.train, found.test
    np.savez(
        "shuffled.npz", x_train=np.asarray(train.x[0]), x_test=np.asarray(test.x[0]),
        y_train=rng.permutation(train.y), y_test=rng.permutation(test.y),
    )  # fmt: skip


def tell(output_dir: str) -> None:
    """elbo(label) - elbo(none) of each seed, with the error over images; its mean, with the error over seeds."""
    by_seed: dict = {}
    for folder in vaelab.Sweep("shuffled", output_dir=output_dir).folder.jobs():
        run = vaelab.load(str(folder.path))
        test = run.view.split("test")
        told = "none" if run.view.condition is None else "label"
        by_seed.setdefault(run.config["seed"], {})[told] = -(np.float64(test.distortion) + test.rate)
    means = []
    for seed, elbo in sorted(by_seed.items()):
        apart = elbo["label"] - elbo["none"]
        means.append(apart.mean())
        print(
            f"seed {seed}: none {elbo['none'].mean():.2f}, shuffled labels {elbo['label'].mean():.2f}, difference "
            f"{apart.mean():+.2f} ± {apart.std(ddof=1) / len(apart) ** 0.5:.2f} over images"
        )
    error = np.std(means, ddof=1) / len(means) ** 0.5
    print(f"mean difference {np.mean(means):+.2f} ± {error:.2f} over {len(means)} seeds")


if __name__ == "__main__":
    {"make": make, "tell": tell}[sys.argv[1]](sys.argv[2])
