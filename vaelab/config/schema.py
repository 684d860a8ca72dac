"""The closed parts of the configuration: which keys there are, their types and ranges. Values live in yaml only."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from vaelab.config.types import (
    FolderName,
    Fraction,
    HistoryKey,
    Minutes,
    NonNegativeFloat,
    NonNegativeInt,
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


@dataclass
class Tracking:
    """conf/tracking/*.yaml"""

    enabled: bool
    uri: str | None
    experiment: str


@dataclass
class Explorer:
    """conf/explorer/*.yaml"""

    enabled: bool
    split: Split
    points: PositiveInt
    projections: list[Literal["tsne", "pca"]]
    tsne_points: PositiveInt
    engine: Literal["scikit-learn", "opentsne"]
    perplexity: PositiveFloat
    iterations: TSNEIterations
    thumbnails: bool
    half_precision_above: NonNegativeFloat


@dataclass
class ImageOptions:
    """conf/base/image.yaml, part of every image dataset."""

    limit: TwoOrMore | None
    validation: Fraction | TwoOrMore | None
    binarize: Literal["none", "threshold", "static", "dynamic"]
    binarize_seed: NonNegativeInt | None
    standardize: bool
    pad_to: list[PositiveInt] | None
    resize: list[PositiveInt] | None
    epochs: PositiveInt
    shape: list[PositiveInt] | None


def of_command(command: str) -> str:
    """The class of this file that a command's configuration is of: "fit-prior" -> "FitPrior"."""
    return command.title().replace("-", "")


SHARED = tuple(field.name for field in fields(ImageOptions))  # what `datasets.prepare` applies, not a dataset's reader


@dataclass
class Train:
    """The top level of conf/train.yaml, besides the groups."""

    seed: NonNegativeInt
    latent_dim: PositiveInt | None
    kernel_initializer: (
        Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform"] | None
    )
    bias_initializer: Literal["fan_in_uniform"] | None
    beta: NonNegativeFloat
    backend: Literal["tensorflow", "jax", "torch"]
    device: Literal["auto", "cpu"]
    data_dir: str | None
    output_dir: str
    run_name: str | None
    sweep_name: FolderName | None
    optimize: HistoryKey | None
    metric_every: PositiveInt | None
    plot_every: PositiveInt | None
    trusted: list[str]
    quiet: bool
    expect: dict
    trainer: Any
    tracking: Any


@dataclass
class Launcher:
    """conf/hydra/launcher/*.yaml"""

    _target_: str
    cluster: Literal["local", "ray", "slurm"]
    n_jobs: PositiveInt | None
    threads: PositiveInt
    memory_limit: PositiveFloat | None
    timeout_min: PositiveFloat | None
    fresh_processes: bool
    settings: dict


@dataclass
class RaySettings:
    """The node `settings` of conf/hydra/launcher/ray.yaml"""

    address: str
    gpus: NonNegativeFloat


@dataclass
class SlurmSettings:
    """The node `settings` of conf/hydra/launcher/slurm.yaml"""

    executor: Literal["slurm", "local"]
    jobs_per_allocation: PositiveInt
    timeout_min: PositiveInt
    mem_gb: PositiveFloat
    gpus: NonNegativeInt
    partition: str | None
    more: dict


# cluster -> (its settings, the package it needs, what to install); local jobs need neither.
CLUSTERS = {"ray": (RaySettings, "ray", "vaelab[ray]"), "slurm": (SlurmSettings, "submitit", "vaelab[slurm]")}
# Groups whose node is one of the dataclasses above instead of a `_target_` with settings.
CLOSED = {"trainer": Trainer, "tracking": Tracking, "explorer": Explorer}
# Groups that compose several options into one node: group -> node.
MULTI = {"metric": "metrics", "plot": "plots"}
# Runtime facts a configurable constructor receives besides its yaml settings.
RUNTIME = {
    "self", "data_shape", "data_shapes", "latent_dim", "latent_layout", "noise_dim", "seed", "data_dir", "view",
    "architecture", "make_posterior", "make_prior", "make_likelihood", "structure", "name",
}  # fmt: skip


@dataclass
class Store:
    """The node `tracking` of commands that bring an earlier run's MLflow run up to date."""

    uri: str | None


@dataclass
class Command:
    """What every command but `train` takes."""

    quiet: bool


@dataclass
class OfRun(Command):
    """What every command about one run takes."""

    run: str | None
    output_dir: str
    device: Literal["auto", "cpu"] | None
    trusted: list[str]


@dataclass
class Open(OfRun):
    """What every command that opens a run with its data takes."""

    data_dir: str | None
    accept_changed_data: bool


@dataclass
class Evaluate(Open):
    """conf/evaluate.yaml"""

    tracking: Store


@dataclass
class FitPrior(Open):
    """conf/fit-prior.yaml"""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    seed: NonNegativeInt


@dataclass
class Plot(Evaluate):
    """conf/plot.yaml"""

    format: Literal["png", "svg", "pdf"]


@dataclass
class Data(Command):
    """conf/data.yaml"""

    verb: Literal["list", "fetch", "verify", "show"]
    seed: NonNegativeInt
    data_dir: str | None
    output: str | None
    trusted: list[str]


@dataclass
class Generate(OfRun):
    """conf/generate.yaml"""

    z: list[Any] | None
    n: PositiveInt | None
    seed: NonNegativeInt
    scale: PositiveInt | None
    output: str | None


@dataclass
class Export(OfRun):
    """conf/export.yaml"""

    format: Any
    models: Any
    to: str | None


@dataclass
class LongerTraining:
    """The trainer settings `vaelab resume` may change."""

    epochs: PositiveInt | None
    steps: PositiveInt | None


@dataclass
class Resume(Evaluate):
    """conf/resume.yaml"""

    trainer: LongerTraining


@dataclass
class Reproduce(Open):
    """conf/reproduce.yaml"""


@dataclass
class ExploreTo:
    """The node `explore` of conf/explore.yaml."""

    file: str | None


@dataclass
class Explore(Open):
    """conf/explore.yaml"""

    explore: ExploreTo
    open: bool
    host: str
    port: NonNegativeInt
    explorer: Any


@dataclass
class RunFilter:
    """What `vaelab runs` shows."""

    dataset: str | None
    model: str | None
    objective: str | None
    state: Literal["running", "done", "failed", "interrupted", "killed"] | None
    beta: float | None
    latent_dim: PositiveInt | None
    seed: NonNegativeInt | None


@dataclass
class Runs(Command):
    """conf/runs.yaml"""

    output_dir: str
    filter: RunFilter
    sort: str | None
    n: PositiveInt | None
    columns: list[str] | None
    csv: str | None
    sync: bool
    tracking: Store


@dataclass
class Compare(Command):
    """conf/compare.yaml"""


@dataclass
class Report(Command):
    """conf/report.yaml"""


@dataclass
class Ui(Command):
    """conf/ui.yaml"""

    output_dir: str
    uri: str | None
    host: str
    port: PositiveInt
