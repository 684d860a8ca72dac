"""`vaelab train`: the job that Hydra composed, in the folder that it made."""

from vaelab.config import locate
from vaelab.config.plain import chosen_options, plain
from vaelab.jobs import opening
from vaelab.jobs.train import train
from vaelab.records.run_folder import RunFolder


def run(cfg):
    """The task Hydra calls for one job; returns what `train` does."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    sweep_dir = hydra.sweep.dir if hydra.mode == RunMode.MULTIRUN else None
    folder = RunFolder(hydra.runtime.output_dir)
    composed = plain(cfg)
    opening.refuse_other_settings(folder, composed)
    return train(
        composed, folder, chosen=chosen_options(hydra), sweep_dir=sweep_dir,
        overrides=[*locate.typed_dirs(), *hydra.overrides.task],
    )  # fmt: skip
