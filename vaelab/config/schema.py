"""The closed parts of the configuration, {key: its type and range}. Values live in yaml only."""

# Where no annotation stands the type checker takes PositiveInt | None for arithmetic.
# pyright: reportOperatorIssue=false

from dataclasses import dataclass
from typing import Any, Literal

from vaelab.config.types import (
    Condition,
    DotsPerInch,
    FolderName,
    Fraction,
    HistoryKey,
    KernelInitializer,
    Minutes,
    NonNegativeFloat,
    NonNegativeInt,
    PictureFormat,
    PictureFormats,
    PositiveFloat,
    PositiveInt,
    Split,
    TSNEIterations,
    TwoOrMore,
)


@dataclass
class Trainer:
    """conf/trainer/*.yaml"""

    epochs: PositiveInt | None
    steps: PositiveInt | None
    steps_per_epoch: PositiveInt | None
    batch_size: PositiveInt
    optimizer: Literal["adam", "rmsprop", "sgd"]
    learning_rate: PositiveFloat
    beta_1: Fraction | None
    rho: Fraction | None
    momentum: Fraction | None
    epsilon: PositiveFloat | None
    clip_norm: PositiveFloat | None
    normalize_gradients: bool
    precision: Literal["float32", "bfloat16"]
    early_stopping: PositiveInt | None
    monitor_from: PositiveInt | None
    validation: Literal["split", "test", "none"]
    deterministic: bool
    threads: PositiveInt | None
    checkpoint_every: PositiveFloat | Minutes
    progress: bool


# conf/tracking/*.yaml
TRACKING = {"enabled": bool, "uri": str | None, "experiment": str}

# conf/explorer/*.yaml
EXPLORER = {
    "enabled": bool,
    "split": Split,
    "points": PositiveInt,
    "projections": list[Literal["tsne", "umap", "pca"]],
    "tsne_points": PositiveInt,
    "engine": Literal["scikit-learn", "opentsne"],
    "perplexity": PositiveFloat,
    "iterations": TSNEIterations,
    "neighbours": PositiveInt,
    "min_dist": NonNegativeFloat,
    "frames": NonNegativeInt,
    "thumbnails": bool,
    "encoder": bool,
    "half_precision_above": NonNegativeFloat,
}

# conf/base/image.yaml, part of every image dataset.
IMAGE_OPTIONS = {
    "limit": TwoOrMore | None,
    "normal_classes": list[str | NonNegativeInt] | None,
    "labelled": PositiveInt | None,
    "validation": Fraction | TwoOrMore | None,
    "binarize": Literal["none", "threshold", "static", "dynamic"],
    "binarize_seed": NonNegativeInt | None,
    "standardize": bool,
    "pad_to": list[PositiveInt] | None,
    "resize": list[PositiveInt] | None,
    "epochs": PositiveInt,
    "shape": list[PositiveInt] | None,
}

SHARED = tuple(IMAGE_OPTIONS)  # what `datasets.prepare` applies, not a dataset's reader

# The top level of conf/train.yaml, besides the groups.
TRAIN = {
    "seed": NonNegativeInt,
    "latent_dim": PositiveInt | None,
    "kernel_initializer": KernelInitializer | None,
    "bias_initializer": Literal["fan_in_uniform"] | None,
    "beta": NonNegativeFloat,
    "backend": Literal["tensorflow", "jax", "torch"],
    "device": Literal["auto", "cpu"],
    "data_dir": str | None,
    "output_dir": str,
    "run_name": str | None,
    "sweep_name": FolderName | None,
    "optimize": HistoryKey | None,
    "metric_every": PositiveInt | None,
    "plot_every": PositiveInt | None,
    "trusted": list[str],
    "quiet": bool,
    "expect": dict,
}

# conf/hydra/launcher/*.yaml
LAUNCHER = {
    "_target_": str,
    "cluster": Literal["local", "ray", "slurm"],
    "n_jobs": PositiveInt | None,
    "threads": PositiveInt,
    "memory_limit": PositiveFloat | None,
    "timeout_min": PositiveFloat | None,
    "fresh_processes": bool,
    "settings": dict,
}

# The node `settings` of conf/hydra/launcher/ray.yaml
RAY = {"address": str, "gpus": NonNegativeFloat}

# The node `settings` of conf/hydra/launcher/slurm.yaml
SLURM = {
    "executor": Literal["slurm", "local"],
    "jobs_per_allocation": PositiveInt,
    "timeout_min": PositiveInt,
    "mem_gb": PositiveFloat,
    "gpus": NonNegativeInt,
    "partition": str | None,
    "more": dict,
}

# cluster -> (its settings, the package it needs, what to install); local jobs need neither.
CLUSTERS = {"ray": (RAY, "ray", "vaelab[ray]"), "slurm": (SLURM, "submitit", "vaelab[slurm]")}
# Groups whose node is one of the above instead of a `_target_` with settings.
CLOSED = {"trainer": Trainer.__annotations__, "tracking": TRACKING, "explorer": EXPLORER}
# Groups that compose several options into one node: group -> node.
MULTI = {"metric": "metrics", "plot": "plots", "score": "scores"}
# What such a node holds besides its options (conf/base/<node>.yaml): node -> {setting: annotation}.
BESIDE = {
    "plots": {
        "dpi": DotsPerInch | None,
        "format": PictureFormat | PictureFormats,
        "width": Literal["paper", "slide"],
    },
}
# Runtime facts a configurable constructor receives besides its yaml settings.
RUNTIME = {
    "self", "data_shape", "data_shapes", "latent_dim", "latent_layout", "noise_dim", "seed", "data_dir", "view",
    "architecture", "make_posterior", "make_prior", "make_likelihood", "structure", "name", "condition_dim",
    "condition_planes",
}  # fmt: skip

# What `vaelab runs` shows.
RUN_FILTER = {
    "dataset": str | None,
    "model": str | None,
    "objective": str | None,
    "state": Literal["running", "done", "failed", "interrupted", "killed"] | None,
    "beta": float | None,
    "latent_dim": PositiveInt | None,
    "seed": NonNegativeInt | None,
}

# The top level of the commands besides `train`: a setting is the same in all whose conf/<command>.yaml has it.
OTHER_COMMANDS = {
    "run": str | None,
    "output_dir": str,
    "data_dir": str | None,
    "device": Literal["auto", "cpu"] | None,
    "trusted": list[str],
    "quiet": bool,
    "accept_changed_data": bool,
    "tracking": {"uri": str | None},
    "seed": NonNegativeInt,
    "n": PositiveInt | None,
    "output": str | None,
    # fit-prior
    "epochs": PositiveInt,
    "batch_size": PositiveInt,
    "learning_rate": PositiveFloat,
    # data
    "verb": Literal["list", "fetch", "verify", "show"],
    # generate
    "given": {"condition": Condition | None},
    "z": list[Any] | None,
    "scale": PositiveInt | None,
    # export
    "to": str | None,
    # resume
    "trainer": {"epochs": PositiveInt | None, "steps": PositiveInt | None},
    # explore and ui
    "explore": {"file": str | None, "members": TwoOrMore},
    "open": bool,
    "host": str,
    "port": NonNegativeInt,
    "uri": str | None,
    # runs
    "filter": RUN_FILTER,
    "sort": str | None,
    "columns": list[str] | None,
    "csv": str | None,
    "codes": str | None,
    "sync": bool,
    # report
    "of": {"sweep": Any},
    # list and explain
    "group": str | None,
    "term": str | None,
}

# Settings of one command that are not what they are elsewhere.
OTHERWISE = {
    "compare": {"run": str | list | None},
    "score": {"run": str | list | None},
    "ui": {"port": PositiveInt},
}


def top_level(command: str, there) -> dict[str, Any]:
    """{setting: annotation} of the top level of a command's configuration.

    Args:
        there: the settings that conf/<command>.yaml has.
    """
    if command == "train":
        return TRAIN
    types = {**OTHER_COMMANDS, **OTHERWISE.get(command, {})}
    return {name: types[name] for name in there if name in types}
