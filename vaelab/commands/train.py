"""`vaelab train`: the job that Hydra composed, in the folder that it made."""

from vaelab.config import locate
from vaelab.jobs import opening
from vaelab.jobs.train import train
from vaelab.records.run_folder import RunFolder


def run(cfg):
    """The task Hydra calls for one job; returns what `train` does."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    hydra = HydraConfig.get()
    sweep_dir = hydra.sweep.dir if hydra.mode == RunMode.MULTIRUN else None
    folder = RunFolder(hydra.runtime.output_dir)
    plain = OmegaConf.to_container(cfg, resolve=True)
    chosen = {k: v for k, v in hydra.runtime.choices.items() if "/" not in k and isinstance(v, str)}
    opening.refuse_other_settings(folder, plain)
    return train(plain, folder, chosen=chosen, sweep_dir=sweep_dir, overrides=as_typed(hydra))


def as_typed(hydra) -> list[str]:
    """Words of this job's command line, the user's own --config-dir among them."""
    return [*(f"--config-dir={folder}" for folder in locate.user_dirs()), *hydra.overrides.task]
