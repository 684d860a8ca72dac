"""Opening what a command works on: a configuration's dataset and model, or a finished run's."""

import sys

from vaelab import backend
from vaelab.build import build, part, target
from vaelab.config.older import completed
from vaelab.datasets.prepare import load_dataset
from vaelab.errors import RunError
from vaelab.runs import RunFolder


def start_backend(cfg: dict) -> None:
    """Starts Keras as a run's configuration says; fills in the number of threads, which is part of the record."""
    trainer = cfg["trainer"]
    trainer["threads"] = trainer["threads"] or backend.usable_cores()
    backend.start(
        cfg["backend"], device=cfg["device"], threads=trainer["threads"], deterministic=trainer["deterministic"]
    )


def open_dataset(cfg: dict):
    """The prepared dataset of a configuration."""
    target(cfg["dataset"], trusted=tuple(cfg.get("trusted") or ()))  # refuses what is not trusted
    return load_dataset(
        cfg["dataset"],
        data_dir=cfg["data_dir"],
        seed=cfg["seed"],
        validation=cfg["trainer"]["validation"] == "split",
    )


def open_view(folder: RunFolder, cfg: dict):
    """The LatentView of a finished run, with the weights its numbers came from.

    Raises:
        RunError: nothing trained yet, or the checkpoint is missing or damaged.
    """
    from vaelab.training.checkpoint import CheckpointFolder, assign, model_variables
    from vaelab.view import LatentView

    saved = CheckpointFolder(folder.checkpoint).load()
    if saved is None:
        raise RunError(f"{folder} has no finished epoch yet: its checkpoint/ is empty. vaelab resume run={folder}")
    state, last, _, best = saved
    dataset = open_dataset(cfg)
    vae = build(cfg, data_shapes=dataset.shapes, binarize=dataset.binarize, standardize=dataset.standardize)
    assign(model_variables(vae), best if best is not None else last, f"{folder.checkpoint}")
    name = folder.status().get("run_name") or folder.path.name
    kept = state.best_epoch if best is not None else state.epoch
    view = LatentView(vae, dataset, name=name, seed=cfg["seed"], history=state.history, weights_epoch=kept)
    view.schedules = schedule_curves(vae, cfg, len(dataset.train))
    view.frames = folder.read_frames
    return vae, dataset, view, kept


def schedule_curves(vae, cfg, n_images: int) -> dict:
    """{"beta": (epochs, values), "learning_rate": ..., "capacity": ...} over the training that was asked for."""
    import numpy as np
    from keras import ops

    from vaelab.training.fit import plan, steps_per_epoch

    progress = np.linspace(0, 1, 201)
    epochs = progress * plan(cfg["trainer"], n_images).steps / steps_per_epoch(cfg["trainer"], n_images)
    rate = part(cfg["learning_rate_schedule"], trusted=cfg.get("trusted") or ())
    factors = {"beta": (cfg["beta"], vae.beta_schedule), "learning_rate": (cfg["trainer"]["learning_rate"], rate)}
    if "capacity" in cfg["objective"]:
        factors["capacity"] = (cfg["objective"]["capacity"], vae.capacity_schedule)
    return {
        name: (epochs, np.array([top * float(ops.convert_to_numpy(schedule(float(p)))) for p in progress]))
        for name, (top, schedule) in factors.items()
    }


def stored_config(folder: RunFolder) -> dict:
    """A run's configuration; settings younger than the run get today's defaults, and a note says which.

    Raises:
        RunError: it is missing, damaged or not of this vaelab.
    """
    cfg, note = completed(folder.read_config(), folder.status().get("chosen") or {}, f"{folder}/config.yaml")
    if note:
        print(f"note: {note}", file=sys.stderr)
    return cfg


def as_begun(cfg: dict, folder: RunFolder) -> dict:
    """`cfg` for going on with a run, or repeating it.

    One that does not say what it monitors was begun when every objective's models were ranked by their loss. It stays
    so: its weights are those of a training that was never stopped, or of the one that is repeated.
    """
    from vaelab.training.checkpoint import CheckpointFolder

    if cfg["optimize"] is not None or "monitored" in folder.status():
        return cfg
    state = CheckpointFolder(folder.checkpoint).state()
    if state is None:
        return cfg
    validated = any("val/loss" in row for row in state.history)
    return dict(cfg, optimize="val/loss" if validated else "train/loss")


def finished_run(cfg):
    """(folder, its configuration) for a command's `run=`, with the command's data_dir, device and trusted on top.

    Raises:
        ConfigError: no run given.
        RunError: there is no such run.
    """
    from vaelab import runs
    from vaelab.errors import ConfigError

    if not cfg.run:
        raise ConfigError(
            "run: expected a run folder, an MLflow run id, a run name or 'latest'. vaelab runs lists them."
        )
    folder = runs.find(str(cfg.run), cfg.output_dir)
    stored = stored_config(folder)
    if cfg.get("data_dir"):
        stored["data_dir"] = cfg.data_dir
    stored["device"] = cfg.get("device") or stored["device"]
    stored["trusted"] = list(cfg.get("trusted") or [])
    return folder, stored
