"""vaelab's own `fit`, one turn an epoch."""

from pathlib import Path

import numpy as np
from harness.contender import Turns, settings
from vaelab_model import model, open_backend

S = settings()
START = Path(S["start"])
turns = Turns(S["images"])
cfg = open_backend(S)

import keras  # noqa: E402

from vaelab.build import part  # noqa: E402
from vaelab.datasets.base import Split  # noqa: E402
from vaelab.jobs.opening import trainer_of  # noqa: E402
from vaelab.training.fit import fit  # noqa: E402


class Images:
    """What `fit` reads of a dataset."""

    train = Split((np.load(START / "train.npy", mmap_mode="r")[: S["images"]].copy(),))
    validation = test = None


def losses():
    """Loss of one batch with given noise, before and after a step of Adam."""
    vae, noise = model(cfg, S), keras.ops.convert_to_tensor(np.load(START / "noise.npy"))
    vae.structure.posterior.noise.normal = lambda shape, training: noise
    vae.compile(optimizer=keras.optimizers.Adam(1e-3))
    batch = ((Images.train.x[0][:128],),)
    before = vae.train_on_batch(*batch, return_dict=True)["loss"]
    return [float(before), float(vae.test_on_batch(*batch, return_dict=True)["loss"])]


vae = model(cfg, S)
parameters = sum(int(np.prod(v.shape)) for v in vae.trainable_variables)
turns.ready(parameters=parameters, losses=losses())
fit(
    vae, Images, trainer_of(cfg), seed=0, optimize=None,
    schedule=part(cfg["learning_rate_schedule"], "learning_rate_schedule"),
    checkpoint_path=None, on_epoch=lambda row: turns.next(),
)  # fmt: skip
