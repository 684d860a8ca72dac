"""Opening what a command works on: a configuration's dataset and model, or a finished run's."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vaelab.build import build, part
from vaelab.compute import backend, seeds
from vaelab.conditions import columns
from vaelab.conditions.columns import Columns
from vaelab.config import trust, words
from vaelab.config.check import check_stored
from vaelab.config.folders import hashed
from vaelab.config.older import migrated, official_sources
from vaelab.config.plain import plain
from vaelab.config.schema import Trainer
from vaelab.contracts import Condition, Prior, Structure, optional
from vaelab.datasets.base import DataFacts
from vaelab.datasets.prepare import load_dataset
from vaelab.errors import ConfigError, RunError
from vaelab.jobs import foreign, results
from vaelab.jobs.stored import stored_view
from vaelab.jobs.telling import title
from vaelab.records import run_folder
from vaelab.records.run_folder import RunFolder
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


def trainer_of(cfg: dict) -> Trainer:
    """The trainer settings of a checked configuration; where it says no threads, with those this process has already,
    else with all cores."""
    trainer = Trainer(**cfg["trainer"])
    threads = trainer.threads or backend.threads_of_process(cfg["backend"]) or backend.usable_cores()
    return replace(trainer, threads=threads)


def start_backend(cfg: dict, *, exactly: bool = False) -> Trainer:
    """Starts Keras as a run's configuration says; its trainer settings.

    Args:
        exactly: refuse where this process keeps other threads (`backend.start`): what trains must, what looks need not.
    """
    trainer = trainer_of(cfg)
    threads: Any = trainer.threads  # `trainer_of` has said how many
    backend.start(
        cfg["backend"], device=cfg["device"], threads=threads, deterministic=trainer.deterministic,
        exactly=exactly,
    )  # fmt: skip
    return trainer


def open_dataset(cfg: dict, folder: RunFolder | None = None):
    """The prepared dataset of a configuration, with the condition of every image.

    Args:
        folder: the run's, if it has one: its condition is standardised by the numbers it was trained with.
    """
    trusted = cfg.get("trusted") or ()
    dataset = load_dataset(
        cfg["dataset"], data_dir=cfg["data_dir"], seed=cfg["seed"], trusted=trusted,
        validation=cfg["trainer"]["validation"] == "split",
    )  # fmt: skip
    condition, known = part(cfg["condition"], "condition", trusted=trusted), folder and folder.read_condition()
    return columns.applied(condition, optional(condition, Condition, "option"), dataset, known)


def as_trained_on(folder: RunFolder, dataset, *, accept: bool):
    """The dataset of a run if it is what the run was trained on; with `accept` also another, which is noted in it and
    in status.json.

    Raises:
        RunError: the data changed since.
    """
    recorded = folder.data_checksum
    if recorded is None or (found := dataset.checksum()) == recorded:
        return dataset
    changed = f"the data changed since this run was trained: checksum {recorded} then, {found} now"
    if not accept:
        raise RunError(
            f"{folder}: {changed} (dataset={dataset.name}: other files, or read otherwise). Bring the former data "
            "back, or accept these with accept_changed_data=true (evaluate, plot, explore, resume, reproduce, "
            "vaelab.load)."
        )
    log.log(NOTE, f"{folder}: {changed}; accepted.")
    accepted = {"trained_on": recorded, "accepted": found}
    known = folder.status().get("changed_data") or []
    if accepted not in known:
        folder.update_status(changed_data=[*known, accepted])
    return replace(dataset, instead_of=recorded)


def asked_view(cfg, folder: RunFolder, stored: dict, nodes: dict, group: str) -> tuple:
    """(the view that a command's `on=` names, the node of its dataset or nothing).

    What cannot be measured or drawn is said before anything is opened.

    Args:
        cfg: the command's configuration.
        nodes: {option: node} of the group that are to be made of it.
    """
    if on := plain(cfg.on):
        foreign.check(on, stored)
    else:
        results.check(stored_view(folder), nodes, group, trusted=stored["trusted"])
    own = open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
    return foreign.view(on, own, stored), on


def open_view(folder: RunFolder, cfg: dict, *, accept_changed_data: bool = False):
    """The LatentView of a finished run, with the weights its numbers came from; starts Keras.

    Args:
        accept_changed_data: go on where the data are not those the run was trained on.

    Raises:
        RunError: nothing trained yet, the checkpoint is missing or damaged, or the data changed.
    """
    trainer = start_backend(cfg)
    from vaelab.training import variables
    from vaelab.training.checkpoint import CheckpointFolder

    saved = CheckpointFolder(folder.checkpoint).load()
    if saved is None:
        again = words.pasteable("vaelab", "resume", words.setting("run", folder))
        raise RunError(f"{folder} has no finished epoch yet: its checkpoint/ is empty. {again}")
    state, best = saved.state, saved.best
    dataset = as_trained_on(folder, open_dataset(cfg, folder), accept=accept_changed_data)
    vae = build(cfg, dataset.facts)
    held, where = variables.of_model(vae), f"{folder.checkpoint}"
    variables.assign(held, variables.by_path(saved.model if best is None else best, held, where), where)
    kept = state.best_epoch if best is not None else state.epoch
    return view_of(vae, dataset, folder, cfg, trainer, history=state.history, weights_epoch=kept)


def view_of(vae, dataset, folder: RunFolder, cfg: dict, trainer: Trainer, *, history, weights_epoch: int | None):
    """The LatentView of a run's model."""
    from vaelab.view.latent_view import LatentView

    return LatentView(
        vae, dataset, name=title(cfg, folder, vae.structure.latent_dim), seed=cfg["seed"], history=history,
        weights_epoch=weights_epoch, schedules=lambda: schedule_curves(vae, cfg, trainer, len(dataset.train)),
        frames=folder.read_frames, foreign=lambda name, resize: foreign.named(name, dataset, cfg, resize=resize),
    )  # fmt: skip


def open_prior(folder: RunFolder, cfg: dict, latent_dim: int, shapes):
    """The prior of a finished run in numpy, for draws without its other weights.

    Args:
        shapes: (H, W, C) of each view, for a structure that makes more of the prior than it is.

    Raises:
        RunError: it learned, and what it learned lies in the checkpoint alone.
    """
    from vaelab.view.prior_view import NumpyPrior

    trusted = cfg.get("trusted") or ()
    if optional(trust.load(cfg["structure"]["_target_"], "structure", trusted), Structure, "levels") > 1:
        known = folder.read_condition()
        dim = Columns(known["option"], known["fields"]).dim if known else 0
        prior = build(cfg, DataFacts(tuple(map(tuple, shapes)), condition_dim=dim)).structure.prior
    else:
        prior = part(cfg["prior"], "prior", trusted=trusted, latent_dim=latent_dim)
    arrays = folder.read_prior() or None
    learns = optional(prior, Prior, "frozen") or optional(prior, Prior, "trainable_variables")
    if arrays is None and learns:
        raise RunError(f"{folder} has no prior.npz with what its prior learned. Draw with vaelab.load(run).sample(n).")
    return NumpyPrior(prior, latent_dim, lambda: seeds.generator(cfg["seed"], "plots"), arrays)


def schedule_curves(vae, cfg, trainer: Trainer, n_images: int) -> dict:
    """{"beta": (epochs, values), "learning_rate": ..., "capacity": ...} over the training that was asked for."""
    import numpy as np
    from keras import ops

    from vaelab.training.fit import plan, steps_per_epoch
    from vaelab.training.progress import factor

    total, per_epoch = plan(trainer, n_images).steps, steps_per_epoch(trainer, n_images)
    steps = np.linspace(0, 1, 201) * total

    def value(schedule, step):
        return float(ops.convert_to_numpy(factor(schedule, step, total_steps=total, steps_per_epoch=per_epoch)))

    rate = part(cfg["learning_rate_schedule"], "learning_rate_schedule", trusted=cfg.get("trusted") or ())
    factors = {"beta": (cfg["beta"], vae.beta_schedule), "learning_rate": (trainer.learning_rate, rate)}
    if "capacity" in cfg["objective"]:
        factors["capacity"] = (cfg["objective"]["capacity"], vae.capacity_schedule)
    return {
        name: (steps / per_epoch, np.array([top * value(schedule, float(step)) for step in steps]))
        for name, (top, schedule) in factors.items()
    }


def stored_config(folder: RunFolder) -> dict:
    """A run's configuration; settings younger than the run get today's defaults, and a note says which.

    Raises:
        RunError: it is missing, damaged or not of this vaelab.
    """
    chosen, where = folder.status().get("chosen") or {}, f"{folder}/config.yaml"
    cfg, note = migrated(folder.read_config(), chosen, where)
    check_stored(cfg, where)
    sources, changed = official_sources(cfg["dataset"], chosen.get("dataset"), where)
    cfg["dataset"] |= sources
    for text in (note, changed):
        if text:
            log.log(NOTE, text)
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


def refuse_other_settings(folder: RunFolder, cfg: dict) -> None:
    """A folder is of one configuration: what was trained there must not come to stand under another.

    Args:
        cfg: resolved configuration that is to be trained there.

    Raises:
        ConfigError: the folder holds a run of other settings.
        RunError: it holds a run whose settings cannot be read.
    """
    if not folder.begun:
        return
    chosen = folder.status().get("chosen") or {}
    there, _ = migrated(folder.read_config(), chosen, f"{folder}/config.yaml")
    before, now = hashed(there), hashed(cfg)
    different = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    if not different:
        return
    shown = ", ".join(f"{k}={now.get(k)} for {before.get(k)}" for k in different[:3])
    raise ConfigError(
        f"{folder} holds a run of other settings ({shown}{', ...' if len(different) > 3 else ''}). "
        "Give another hydra.run.dir, or remove that folder."
    )


def finished_runs(cfg) -> list:
    """`finished_run` of each run of a command whose `run=` may be a list."""
    references = list(cfg.run) if isinstance(cfg.run, Sequence) and not isinstance(cfg.run, str) else [cfg.run]
    return [_finished(reference, cfg) for reference in references or [None]]


def finished_run(cfg):
    """(folder, its configuration) for a command's `run=`, with the command's data_dir, device and trusted on top.

    Raises:
        ConfigError: no run given.
        RunError: there is no such run.
    """
    return _finished(cfg.run, cfg)


def _finished(reference, cfg):
    if not reference:
        raise ConfigError(
            "run: expected a run folder, an MLflow run id, a run name or 'latest'. vaelab runs lists them."
        )
    folder = run_folder.find(str(reference), cfg.output_dir)
    stored = stored_config(folder)
    if cfg.get("data_dir"):
        stored["data_dir"] = cfg.data_dir
    stored["device"] = cfg.get("device") or stored["device"]
    stored["trusted"] = list(cfg.get("trusted") or [])
    return folder, stored
