"""Settings that do not go together: one of them would be ignored, and nobody would notice."""

from typing import Any

from vaelab.config import parts, schema
from vaelab.config.schema import Trainer
from vaelab.errors import ConfigError

# Settings that exist for some optimizers only, with their value where none is given.
OPTIMIZERS = {
    "adam": {"beta_1": 0.9, "epsilon": 1e-7},
    "rmsprop": {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
    "sgd": {"momentum": 0.0},
}
# (what was typed, whether it acts in a configuration, why it does not). A name that ends in a dot is all below it.
ACTING = (
    ("explorer.", lambda cfg: cfg["explorer"]["enabled"], "there is no explorer.html here (explorer=none)"),
    ("tracking.", lambda cfg: cfg["tracking"]["enabled"], "nothing is tracked here (tracking=none)"),
    *(
        (f"explorer.{key}", lambda cfg: "tsne" in cfg["explorer"]["projections"], "explorer.projections has no tsne")
        for key in ("engine", "perplexity", "iterations")
    ),
    *(
        (f"explorer.{key}", lambda cfg: "umap" in cfg["explorer"]["projections"], "explorer.projections has no umap")
        for key in ("neighbours", "min_dist")
    ),
    (
        "explorer.tsne_points",
        lambda cfg: {"tsne", "umap"} & {*cfg["explorer"]["projections"]},
        "explorer.projections has neither tsne nor umap",
    ),
    *(
        (f"prior.{key}", lambda cfg: cfg["prior"].get("start_from") != "images", "prior.start_from=images has no noise")
        for key in ("start_mean", "start_std")
    ),
    ("metric_every", lambda cfg: bool(cfg.get("metrics")), "no metric is chosen (metric=[])"),
    *(
        (key, lambda cfg: bool(parts.chosen(cfg["plots"])), "no picture is chosen (plot=[])")
        for key in ("plot_every", *(f"plots.{key}" for key in schema.BESIDE["plots"]))
    ),
    (
        "trainer.epochs",
        lambda cfg: cfg["trainer"]["steps"] is None or cfg["trainer"]["epochs"] is None,
        "trainer.steps says how long the training is",
    ),
)
# Settings of a dataset that do not act on images of `on=`.
FOREIGN = dict.fromkeys(
    ("on.binarize", "on.binarize_seed", "on.standardize"), "the run's own images say how pixels are prepared"
) | dict.fromkeys(("on.validation", "on.epochs", "on.labelled"), "nothing is trained on these images")
# The same for what Hydra is told, by whether it is a sweep.
IN_SWEEPS = ("sweep_name", "hydra/launcher", "hydra.launcher.", "hydra/sweeper", "hydra.sweeper.", "hydra.sweep.")
IN_SINGLE_RUNS = ("hydra.run.",)
RECORDS = ("hydra.runtime.", "hydra.overrides.", "hydra.job.name", "hydra.job.num", "hydra.job.id")


def check_combination(cfg: dict[str, Any], typed: list[str], multirun: bool) -> None:
    """ConfigError with every setting of a composed `train` that something else keeps from acting.

    Args:
        cfg: the resolved configuration as plain containers, of the right types.
        typed: keys of the command line.
        multirun: whether it is one of the jobs of a sweep.
    """
    problems = []
    for key in typed:
        for rule, acts, why in ACTING:
            if _under(key, rule) and not key.endswith(".enabled") and not acts(cfg):
                problems.append(f"{key} would be ignored: {why}.")
        if not multirun and any(_under(key, rule) for rule in IN_SWEEPS):
            problems.append(f"{key} would be ignored: it belongs to sweeps. Add -m, or leave it out.")
        if multirun and any(_under(key, rule) for rule in IN_SINGLE_RUNS):
            problems.append(f"{key} would be ignored: the runs of a sweep have folders below hydra.sweep.dir.")
        if any(_under(key, rule) for rule in RECORDS):
            problems.append(f"{key} would be ignored: it is what Hydra records, not a setting.")
    if cfg["trainer"]["epochs"] is None and cfg["trainer"]["steps"] is None:
        problems.append("trainer.epochs=null: how long is the training? Give trainer.epochs or trainer.steps.")
    problems += _optimizer_problems(Trainer(**cfg["trainer"]))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def check_foreign(typed: list[str]) -> None:
    """ConfigError where images that a run has never seen (`on=`) are to be prepared otherwise than its own.

    Args:
        typed: keys of the command line.
    """
    for key in typed:
        if key in FOREIGN:
            raise ConfigError(f"{key} would be ignored: {FOREIGN[key]}. Leave it out.")


def check_chosen_images(pictures: dict[str, Any] | None) -> None:
    """ConfigError where a picture has `indices` without choose=indices, or the reverse."""
    for name, node in parts.chosen(pictures or {}).items():
        if {"choose", "indices"} <= set(node):
            key = f"plots.{name}"
            if node["indices"] is not None and node["choose"] != "indices":
                raise ConfigError(f"{key}.indices would be ignored: add {key}.choose=indices.")
            if node["indices"] is None and node["choose"] == "indices":
                raise ConfigError(f"{key}.choose=indices needs {key}.indices, as in {key}.indices=[3,14,15].")


def check_optimizer(trainer: Trainer) -> None:
    """ConfigError where a setting belongs to another optimizer."""
    for problem in _optimizer_problems(trainer):
        raise ConfigError(problem)


def _optimizer_problems(trainer: Trainer) -> list[str]:
    name, problems = trainer.optimizer, []
    if trainer.normalize_gradients and trainer.clip_norm is not None:
        problems.append(
            "trainer.clip_norm would clip gradients that trainer.normalize_gradients has changed: give one."
        )
    for setting in sorted({"beta_1", "rho", "momentum", "epsilon"} - set(OPTIMIZERS[name])):
        if getattr(trainer, setting) is not None:
            owners = ", ".join(sorted(o for o, own in OPTIMIZERS.items() if setting in own))
            problems.append(f"trainer.{setting} belongs to {owners}; trainer.optimizer={name} does not have it.")
    return problems


def _under(key: str, rule: str) -> bool:
    return key.startswith(rule) if rule.endswith(".") else key == rule
