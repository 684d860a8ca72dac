"""Names of run folders: `<dataset>-<model>-<objective>/<time>[-n]`, and a sweep job's `<overrides>-<hash8>`."""

import hashlib
import json
import re
import time
from pathlib import Path

from vaelab.config.flat import flat
from vaelab.config.plain import plain, without_hydra

# These change neither weights nor numbers: where data lie, which device, who tracks, what is drawn.
NOT_IN_HASH = (
    "data_dir", "output_dir", "device", "tracking", "trusted", "quiet", "run_name", "sweep_name",
    "plots", "metrics", "plot_every", "metric_every", "explorer", "expect", "hydra",
    "trainer.threads", "trainer.progress", "trainer.checkpoint_every",
)  # fmt: skip
# Settings younger than folders that are named by a hash: where they say what was meant before there were any, they are
# left out of it. {dotted key: function (configuration) -> whether they do}.
YOUNGER = {
    "dataset.binarize_seed": lambda cfg: (
        cfg["dataset"].get("binarize") != "static" or cfg["dataset"]["binarize_seed"] in (None, cfg.get("seed"))
    ),
    "dataset.labelled": lambda cfg: cfg["dataset"]["labelled"] is None,
    "dataset.normal_classes": lambda cfg: cfg["dataset"]["normal_classes"] is None,
    "kernel_initializer": lambda cfg: cfg["kernel_initializer"] is None,
    "bias_initializer": lambda cfg: cfg["bias_initializer"] is None,
    "trainer.normalize_gradients": lambda cfg: cfg["trainer"]["normalize_gradients"] is False,
    "trainer.monitor_from": lambda cfg: cfg["trainer"]["monitor_from"] is None,
    "objective.gradient": lambda cfg: cfg["objective"]["gradient"] == "reparameterised",
    "objective.level_warmup": lambda cfg: cfg["objective"]["level_warmup"] is None,
    "structure.inference": lambda cfg: cfg["structure"]["inference"] == "direct",
    "posterior.log_var_range": lambda cfg: cfg["posterior"]["log_var_range"] is None,
    "condition": lambda cfg: cfg["condition"] == {"_target_": "vaelab.conditions.none.Unconditional"},
    **{
        f"dataset.{key}": lambda cfg, key=key: cfg["dataset"].get(key) is None
        for key in ("train_covariates", "test_covariates", "covariate_names")
    },
    "prior": lambda cfg: cfg["prior"] == {"_target_": "vaelab.priors.standard.Standard"},
}


def run_dir(output_dir: str, dataset: str, model: str, objective: str) -> str:
    """Where a run of these options, begun now, would have its folder."""
    return str(Path(output_dir) / f"{dataset}-{model}-{objective}" / time.strftime("%Y-%m-%d_%H-%M-%S"))


class NewFolder:
    """`run_dir` of a run that begins now: the folder is made for it alone, also when two start in the same second.

    Attributes:
        path: the folder; None before it was asked for.
    """

    def __init__(self):
        self.path = None

    def __call__(self, output_dir: str, dataset: str, model: str, objective: str) -> str:
        wanted = Path(run_dir(output_dir, dataset, model, objective))
        self.path = make_unique(wanted.parent, wanted.name)
        return str(self.path)


def existing(path: Path) -> Path:
    """The part of a path that is there."""
    path = Path(path).absolute()
    return next(p for p in (path, *path.parents) if p.exists() or p == p.parent)


def remove_empty(path: Path, keep: Path) -> None:
    """Removes a folder and those above it, as long as they are empty, down to one that stays."""
    path = Path(path).absolute()
    while path != keep and keep in path.parents:
        try:
            path.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        path = path.parent


def make_unique(base: Path, name: str) -> Path:
    """Makes and returns base/name, or base/name-2, -3, ... whichever is free."""
    base.mkdir(parents=True, exist_ok=True)
    n, folder = 1, base / name
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            n, folder = n + 1, base / f"{name}-{n + 1}"


def job_dir(*, _root_) -> str:
    """Folder name of a sweep's job; equal for jobs that give equal results."""
    overrides = plain(_root_.hydra.overrides, resolve=False)["task"]
    return f"{short_overrides(overrides)}-{config_hash(plain(without_hydra(_root_)))}"


def short_overrides(overrides: list[str]) -> str:
    """The overrides as a file name of at most 60 characters, folders and plumbing left out."""
    kept = []
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if key.partition(".")[0] not in NOT_IN_HASH:
            kept.append(f"{key.rpartition('.')[2]}={value}")
    text = re.sub(r"[^A-Za-z0-9=,._-]+", "_", ",".join(kept))
    return (text[:57] + "...") if len(text) > 60 else (text or "defaults")


def config_hash(job: dict) -> str:
    """First 8 hex digits of the sha256 of what changes a run's result."""
    kept = {k: dict(v) if isinstance(v, dict) else v for k, v in job.items()}
    for key in (*NOT_IN_HASH, *(k for k in YOUNGER if says_what_was_meant(k, job))):
        above, _, name = key.rpartition(".")
        if isinstance(node := kept.get(above) if above else kept, dict):
            node.pop(name, None)
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def says_what_was_meant(key: str, cfg: dict) -> bool:
    """Whether a younger setting has the value that configurations without it meant, as where it is not there."""
    node, _, name = key.rpartition(".")
    there = cfg.get(node) if node else cfg
    return isinstance(there, dict) and (name not in there or YOUNGER[key](cfg))


def hashed(job: dict) -> dict:
    """{dotted key: value} of what `config_hash` is of."""
    return {k: v for k, v in flat(job) if not {k, k.partition(".")[0]} & {*NOT_IN_HASH}}
