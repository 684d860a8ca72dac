"""vaelab's metric nll; a turn is a call for so many images."""

from pathlib import Path

import numpy as np
from harness.contender import Turns, settings
from vaelab_model import model, open_backend

S = settings()
turns = Turns(S["images"])
cfg = open_backend(S)

from vaelab.datasets.base import Dataset, Split  # noqa: E402
from vaelab.metrics.nll import nll  # noqa: E402
from vaelab.view.latent_view import LatentView  # noqa: E402

images = np.load(Path(S["start"]) / "test.npy", mmap_mode="r")[: S["images"]].copy()
vae = model(cfg, S)


def value(images) -> float:
    """Mean negative log-likelihood; a fresh view encodes anew."""
    some = Split((images,), np.zeros(len(images), int))
    dataset = Dataset(name="fashionmnist", train=some, test=some, class_names=("all",))
    view = LatentView(vae, dataset, name="benchmark", seed=0)
    scores = nll(view, split="test", samples=S["samples"], curve=[], images=None, widen=1.0, tolerance=1e9)
    return scores[f"nll_is{S['samples']}"].value


turns.ready(nll=value(images[: S["checked"]]))
while True:
    value(images)
    turns.next()
