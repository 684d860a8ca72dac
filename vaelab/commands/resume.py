"""`vaelab resume run=R`: go on from the last checkpoint, to the same weights as if never stopped."""

import logging

from vaelab.commands import reproduce
from vaelab.config.plain import plain
from vaelab.errors import ConfigError, RunError
from vaelab.jobs import opening
from vaelab.jobs.train import train
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


def run(cfg) -> int:
    """Continues a stopped run, or a finished one for more epochs; exit code 1 where a recipe is finished and fails."""
    folder, stored = opening.finished_run(cfg)
    reproduce.check_expectations(stored["expect"])
    if folder.holder():
        raise RunError(f"{folder} is being trained by {folder.holder()}.")
    before, asked = dict(stored["trainer"]), plain(cfg.trainer)
    given = {key: value for key, value in asked.items() if value is not None}
    stored["trainer"] |= given
    if asked["epochs"] and before["steps"] is not None:
        raise ConfigError("This run counts steps: use trainer.steps, not trainer.epochs.")
    if asked["steps"] and before["steps"] is None:
        raise ConfigError("This run counts epochs: use trainer.epochs, not trainer.steps.")
    unit = "epochs" if before["steps"] is None else "steps"
    status = folder.status()
    if asked[unit] and asked[unit] < before[unit]:
        raise ConfigError(
            f"trainer.{unit}: expected more than the {before[unit]} of {folder}, got {asked[unit]}; training is only "
            "ever made longer."
        )
    if status.get("state") == "done" and before == stored["trainer"]:
        log.info(f"{folder} is finished (trainer.{unit}={before[unit]}). For longer training give a larger number.")
        return 0
    if status.get("state") == "done" and status.get("stopped_early"):
        log.info(f"{folder} was ended by early stopping in epoch {status['epochs']}: more {unit} would change nothing.")
        return 0
    if before != stored["trainer"]:
        schedules = ("beta_schedule", "capacity_schedule", "learning_rate_schedule")
        names = [k for k in schedules if not _any_length(stored[k])]
        if names:
            log.log(NOTE, f"{' and '.join(names)} span the whole training: a new length is another trajectory.")
    folder.forget_verdicts()
    longer = [f"trainer.{key}={value}" for key, value in given.items()]
    store = {**stored["tracking"], "uri": cfg.tracking.uri}
    train(
        stored, folder, chosen=status.get("chosen", {}), sweep_dir=folder.sweep_dir, overrides=longer,
        accept_changed_data=cfg.accept_changed_data, tracking=store, output_dir=cfg.output_dir,
    )  # fmt: skip
    if stored.get("expect") and before == stored["trainer"]:  # longer training is no longer the recipe
        return 0 if reproduce.settle(folder, stored["expect"]) else 1
    return 0


def _any_length(node) -> bool:
    """Whether a schedule is the same however long the training is."""
    return node["_target_"].endswith((".Constant", ".WarmupEpochs"))
