"""A sweep begun from Python: what `vaelab train -m` does between composing and the report."""

from typing import Any

from vaelab.config import compose, locate, words
from vaelab.config.compose import Grid
from vaelab.errors import TrainingError
from vaelab.records.sweep_folder import SweepFolder


def multirun(overrides: list[str], grid: Grid) -> tuple[SweepFolder, TrainingError | None]:
    """Runs every job of a checked grid; (the sweep's folder, the error of jobs that failed or None).

    Args:
        overrides: words of `vaelab train -m`.
        grid: what `compose.check_sweep` found them to be.

    Raises:
        Interrupted: the user stopped it.
    """
    from hydra.core.global_hydra import GlobalHydra

    from vaelab.sweeps import launch

    command = words.pasteable("vaelab", "train", *locate.typed_dirs(), "-m", *overrides)
    failed = None
    with launch.sweeping(command, grid) as sweep:
        try:
            with compose._hydra():
                hydra: Any = GlobalHydra.instance().hydra
                typed = ["hydra.job.name=train", *overrides]
                hydra.multirun("train", None, typed, with_log_configuration=False)
        except TrainingError as error:
            failed = error
    folder: Any = sweep.folder
    return folder, failed
