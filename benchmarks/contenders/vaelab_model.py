"""vaelab's model of a configuration, with the weights that everyone starts from."""

from pathlib import Path

import numpy as np
from start import configuration

from vaelab.build import build
from vaelab.datasets.base import DataFacts
from vaelab.jobs import opening


def open_backend(settings: dict, *words: str) -> dict:
    """Starts Keras as the contender's settings say; the configuration."""
    cfg = configuration(
        settings["network"], f"backend={settings.get('backend', 'tensorflow')}",
        f"trainer.threads={settings['threads']}", f"trainer.batch_size={settings['batch']}",
        f"trainer.precision={settings.get('precision', 'float32')}",
        "trainer.progress=false", "trainer.epochs=1000", "trainer.validation=none", *words,
    )  # fmt: skip
    opening.start_backend(cfg)
    return cfg


def model(cfg: dict, settings: dict):
    """The `VAEModel` with the common weights."""
    vae = build(cfg, DataFacts(((28, 28, 1),)), precision=cfg["trainer"]["precision"])
    parts = {"encoder": vae.structure.encoder.network, "decoder": vae.structure.decoder}
    heads = {"encoder/mean": vae.structure.posterior.mean_head, "encoder/log_var": vae.structure.posterior.rho_head}
    arrays = np.load(Path(settings["start"]) / f"{settings['network']}.npz")
    for name in arrays.files:
        where, layer, kind = name.split("/")
        layer = heads.get(f"{where}/{layer}") or parts[where].get_layer(layer)
        getattr(layer, kind).assign(arrays[name])
    return vae
