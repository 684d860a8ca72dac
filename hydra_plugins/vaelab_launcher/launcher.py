"""The launcher of `vaelab train -m`: every job a fresh process, in a folder that equal commands find again.

No annotations beyond the simplest and nothing heavy here: Hydra imports this file at every start.
"""

from hydra.plugins.launcher import Launcher


class VaelabLauncher(Launcher):
    """Runs the jobs of a sweep; its settings are conf/hydra/launcher/*.yaml.

    Args:
        cluster: local | ray | slurm.
        n_jobs: jobs at once, None for what fits.
        threads: threads of one job where `trainer.threads` is not set.
        memory_limit: GiB after which a job is ended, or None.
        timeout_min: minutes after which a job is ended, or None.
        fresh_processes: whether each job imports everything itself.
        settings: of the cluster, see its yaml.
    """

    def __init__(self, **settings):
        self.settings = settings

    def setup(self, *, hydra_context, task_function, config):
        """Called by Hydra before the first launch."""
        self.context, self.config = hydra_context, config

    def launch(self, job_overrides, initial_job_idx):
        """One `JobReturn` per job, in order."""
        from vaelab.sweeps import launch

        return launch.active().launch(self.context, self.config, self.settings, job_overrides, initial_job_idx)
