"""Pythae's trainer on its VAE, as its documentation uses it; an epoch is a turn."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from harness.contender import Turns, settings

S = settings()
START = Path(S["start"])
turns = Turns(S["images"])
torch.set_num_threads(S["threads"])

from pythae.data.datasets import BaseDataset  # noqa: E402
from pythae.trainers import BaseTrainer, BaseTrainerConfig  # noqa: E402
from pythae.trainers.training_callbacks import TrainingCallback  # noqa: E402
from pythae_model import model  # noqa: E402
from torch_networks import turned  # noqa: E402

images = torch.from_numpy(turned(np.load(START / "train.npy", mmap_mode="r")[: S["images"]])).float() / 255.0


def losses():
    """Loss of one batch with given noise, before and after a step of Adam."""
    checked, noise = model(S["network"], START), torch.from_numpy(np.load(START / "noise.npy"))
    checked._sample_gauss = lambda mean, std: (mean + noise * std, noise)
    optimizer, batch = torch.optim.Adam(checked.parameters(), 1e-3, eps=1e-7), {"data": images[:128]}
    first = checked(batch).loss
    first.backward()
    optimizer.step()
    return [first.item(), checked(batch).loss.item()]


class Turn(TrainingCallback):
    """An epoch is a turn."""

    def on_epoch_end(self, training_config, **kwargs):
        turns.next()


vae = model(S["network"], START)
config = BaseTrainerConfig(
    output_dir=tempfile.mkdtemp(), num_epochs=1000, learning_rate=1e-3, per_device_train_batch_size=S["batch"],
    optimizer_cls="Adam", optimizer_params={"eps": 1e-7}, no_cuda=S["device"] == "cpu",
)  # fmt: skip
trainer = BaseTrainer(vae, BaseDataset(images, torch.zeros(len(images))), training_config=config, callbacks=[Turn()])
turns.ready(parameters=sum(p.numel() for p in vae.parameters()), losses=losses())
trainer.train()
