"""Writes what every contender starts from: Fashion-MNIST as uint8, each network's initial weights, one batch's noise.

`start.py FOLDER DATA_DIR` (DATA_DIR may be empty: the user cache, filled over the network).
"""

import sys
from pathlib import Path

import numpy as np

LATENT_DIM, BATCH = 10, 128


def configuration(network: str, *words: str) -> dict:
    """The resolved configuration of `vaelab train` on Fashion-MNIST with that network."""
    from omegaconf import OmegaConf

    from vaelab.config.compose import compose

    fixed = ["dataset=fashionmnist", f"model={network}", f"latent_dim={LATENT_DIM}", f"trainer.batch_size={BATCH}"]
    return OmegaConf.to_container(compose("train", [*fixed, *words]), resolve=True)


def main(folder: Path, data_dir: str | None) -> None:
    from vaelab.build import build
    from vaelab.jobs import opening

    folder.mkdir(parents=True, exist_ok=True)
    words = ["trainer.validation=none", *([f"data_dir={data_dir}"] if data_dir else [])]
    for network in ("conv_v2", "dense"):
        cfg = configuration(network, *words)
        opening.start_backend(cfg)
        dataset = opening.open_dataset(cfg)
        vae = build(cfg, dataset.facts)
        parts = {"encoder": vae.structure.encoder.network, "decoder": vae.structure.decoder}
        layers = [(f"{name}/{layer.name}", layer) for name, part in parts.items() for layer in part.layers]
        layers += [
            ("encoder/mean", vae.structure.posterior.mean_head),
            ("encoder/log_var", vae.structure.posterior.rho_head),
        ]
        arrays = {
            f"{name}/{kind}": getattr(layer, kind).numpy()
            for name, layer in layers
            for kind in ("kernel", "bias")
            if hasattr(layer, kind)
        }
        np.savez(folder / f"{network}.npz", **arrays)
    np.save(folder / "train.npy", dataset.train.x[0])
    np.save(folder / "test.npy", dataset.test.x[0])
    np.save(folder / "noise.npy", np.random.default_rng(0).standard_normal((BATCH, LATENT_DIM), np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] or None)
