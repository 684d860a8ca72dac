"""Pythae's `get_nll`; a turn is a call for so many images."""

from pathlib import Path

import numpy as np
import torch
from harness.contender import Turns, settings
from pythae_model import model
from torch_networks import turned

S = settings()
turns = Turns(S["images"])
torch.set_num_threads(S["threads"])
images = torch.from_numpy(turned(np.load(Path(S["start"]) / "test.npy", mmap_mode="r")[: S["images"]])).float() / 255.0
vae = model(S["network"], Path(S["start"])).eval()


def value(images) -> float:
    """Mean negative log-likelihood, 100 samples at a time as by default."""
    with torch.no_grad():
        return -float(vae.get_nll(images, n_samples=S["samples"]))


turns.ready(nll=value(images[: S["checked"]]))
while True:
    value(images)
    turns.next()
