"""A sweep begun from Python: what `vaelab train -m` does between composing and the report."""

import sys

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
            GlobalHydra.instance().hydra.multirun("train", None, words, with_log_configuration=False)
    except TrainingError as error:
        failed = error
    finally:
        folder, sys.argv = launch.current.folder, saved
        launch.finish()
    return folder, failed
