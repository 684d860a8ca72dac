"""A sweep begun from Python: what `vaelab train -m` does between composing and the report."""

import sys
from typing import Any

from vaelab.config import compose
from vaelab.errors import TrainingError
from vaelab.records.sweep_folder import SweepFolder


def multirun(overrides: list[str]) -> tuple[SweepFolder, TrainingError | None]:
    """Runs every job of a checked grid; (the sweep's folder, the error of jobs that failed or None).

    Args:
        overrides: words of `vaelab train -m`.

    Raises:
        Interrupted: the user stopped it.
    """
    from hydra.core.global_hydra import GlobalHydra

    from vaelab.sweeps import launch

    saved, sys.argv = sys.argv, ["vaelab train", "-m", *overrides]  # the sweep's record keeps the command
    failed = None
    try:
        with compose._hydra():
            words = ["hydra.job.name=train", *overrides]
            hydra: Any = GlobalHydra.instance().hydra
            hydra.multirun("train", None, words, with_log_configuration=False)
    except TrainingError as error:
        failed = error
    finally:
        sys.argv = saved
        folder: Any = launch.current.folder
        launch.finish()
    return folder, failed
