"""`vaelab.train`: the main job, called from Python."""

from vaelab.api.arguments import overrides_of
from vaelab.api.interruption import interruption_told
from vaelab.config import compose, folders, locate
from vaelab.config.plain import chosen_options, plain, without_hydra
from vaelab.records.run_folder import RunFolder, removed_if_refused
from vaelab.system.printing import quietly


def train(*words: str, **settings):
    """Trains a variational autoencoder and returns its finished run.

    The same job as `vaelab train` with the same words: the same folder under `outputs/`, the same weights, the same
    MLflow record. What is printed is what the command prints.

    Args:
        *words: as on the command line: "dataset=fashionmnist", "trainer=quick", "trainer.epochs=3".
        **settings: the same as Python values; they win over words. Numbers, texts, None, True, lists, paths; a mapping
            holds settings of one part: trainer={"epochs": 3}. `config_dir="mine"` is `--config-dir mine`.

    Returns:
        A `Run`: `run.elbo`, `run.metrics`, `run.history`, `run.encode(x)`, `run.sample(16)`, `run.plot("traversal")`;
        in a notebook a card with numbers and pictures.

    Raises:
        ConfigError: what is asked for cannot be done: an unknown name, a wrong type, parts that do not go together, or
            another backend or number of threads than this process already computes with. Nothing was begun.
        DataError: the data are missing or damaged.
        TrainingError: the loss is no number any more, memory or disk are full.
        Interrupted: Ctrl-C or the notebook's stop button; finished epochs are saved, the sentence says how to go on.

    Examples:
        >>> import vaelab
        >>> run = vaelab.train("dataset=fashionmnist", "model=conv_v2", beta=4, latent_dim=10)
        >>> run = vaelab.train("model=dense", model={"hidden_dims": [500, 120]}, trainer={"epochs": 5}, seed=1)
        >>> run = vaelab.train("experiment=dense_mnist_h32", plot=["traversal", "tsne"], data_dir="~/data")
        >>> run = vaelab.train("model=mine", config_dir="my_conf", trusted=["mine"])  # a model of your own

        `vaelab train --help` lists every group, option and setting.
    """
    overrides, dirs = overrides_of("train", words, settings)
    with locate.config_dirs(dirs):
        full, wanted = compose.job(overrides)
        before = folders.existing(wanted)
        folder = RunFolder(
            wanted if compose.names_folder(overrides) else folders.make_unique(wanted.parent, wanted.name)
        )
        with quietly(full.quiet), interruption_told(folder), removed_if_refused(folder, before):
            _train(full, folder)
    from vaelab.api.run import Run

    return Run(folder.path, trusted=list(full.trusted), config_dir=dirs)


def _train(full, folder: RunFolder) -> None:
    from omegaconf import OmegaConf, read_write

    from vaelab.jobs import opening
    from vaelab.jobs.train import train as train_job

    task = without_hydra(full)
    cfg, overrides = plain(task), full.hydra.overrides.task
    opening.refuse_other_settings(folder, cfg)
    hydra = OmegaConf.masked_copy(full, ["hydra"])
    with read_write(hydra.hydra):
        hydra.hydra.runtime.output_dir, hydra.hydra.job.name = str(folder.path), "train"
    folder.write_hydra({"config": task, "hydra": hydra, "overrides": overrides})
    train_job(cfg, folder, chosen=chosen_options(full.hydra), overrides=[*locate.typed_dirs(), *overrides])
