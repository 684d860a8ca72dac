"""Hydra's own grid, without composing every job once more: the command line has checked them all."""

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class GridSweeper(BasicSweeper):
    """One job per combination of comma-separated values (conf/hydra/sweeper/grid.yaml).

    Args:
        max_batch_size, params: Hydra's.
        max_jobs: larger grids are refused, by the command line, before they are written out; None for any number.
    """

    def __init__(self, max_batch_size, params, max_jobs):
        super().__init__(max_batch_size, params)

    def validate_batch_is_legal(self, batch):
        """Nothing left to find: vaelab.config.compose.check_sweep was here before."""

    def sweep(self, arguments):
        """Runs the grid; of one that is refused before its first job no folder stays."""
        from vaelab.config import folders
        from vaelab.records.sweep_folder import SweepFolder

        folder = SweepFolder(self.config.hydra.sweep.dir)  # pyright: ignore[reportOptionalMemberAccess] (setup() has set it)
        before = folders.existing(folder.path)
        try:
            return super().sweep(arguments)
        finally:
            folder.discard_if_empty(before)
