"""The sweep behind `vaelab train -m`: the same command skips what is done, continues what was killed, retries the rest.

The command line begins it (`sweeping`); Hydra composes the grid and its launcher calls `Sweep.launch`.
"""

import logging
import time
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, setup_globals
from omegaconf import OmegaConf, open_dict

from vaelab.config import words
from vaelab.config.compose import Grid
from vaelab.config.folders import config_hash, short_overrides
from vaelab.errors import Interrupted, RunError, TrainingError
from vaelab.jobs import results
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.records.tracking import finish_sweep
from vaelab.sweeps import watch
from vaelab.sweeps.job import Job, value_of
from vaelab.sweeps.mirror import Mirror, untold
from vaelab.sweeps.running import run_all
from vaelab.system.printing import quietly

log = logging.getLogger(__name__)


class Sweep:
    """The sweep of one command line.

    Attributes:
        command: the words that were typed, as sweep.json keeps them.
        grid: its jobs as they were checked, or None where Hydra alone knows them.
        folder: its folder, locked until `finish`; None before the first batch.
        jobs: those of all batches so far.
        stopped: whether the user stopped it.
        quiet: whether only warnings and errors are shown.
    """

    def __init__(self, command: str, grid: Grid | None = None):
        self.command, self.grid, self.held, self.stopped, self.quiet = command, grid, ExitStack(), False, False
        self.folder: SweepFolder | None = None
        self.mirror: Mirror | None = None
        self.jobs: list[Job] = []

    def launch(self, context, config, settings: dict, job_overrides, first_number: int) -> list[JobReturn]:
        """Runs one batch of jobs to their ends.

        Args:
            context: Hydra's, it composes each job.
            config: the sweep's configuration.
            settings: of the launcher (conf/hydra/launcher).
            job_overrides: the words of each job.
            first_number: place of the first in the whole sweep.

        Raises:
            Interrupted: the user stopped it.
        """
        setup_globals()
        self.quiet = config.quiet
        if self.folder is None:
            self.folder = open_folder(config, self.held)
        with quietly(self.quiet):
            return self._launch(self.folder, context, config, settings, job_overrides, first_number)

    def _launch(self, sweep: SweepFolder, context, config, settings, job_overrides, first_number) -> list[JobReturn]:
        typed = OmegaConf.to_container(config.hydra.overrides.task)
        if len(job_overrides) > 1:
            shared = set.intersection(*map(set, job_overrides))
        else:
            shared = {o for o in job_overrides[0] if o.replace("\\", "") in typed}  # Hydra has escaped http\://
        jobs = []
        for n, overrides in enumerate(job_overrides):
            swept = [o for o in overrides if o not in shared]
            composed = self.grid and self.grid.take(config, overrides)
            if composed is None:
                composed = context.config_loader.load_sweep_config(config, list(overrides))
            jobs.append(job_of(composed, settings, sweep, list(overrides), swept, first_number + n))
        by_folder = {}
        for job in jobs:  # equal jobs are one
            by_folder.setdefault(job.folder.path, job)
        unique = list(by_folder.values())
        for job in unique:
            try:
                if job.folder.status().get("state") == "done":
                    job.state, _ = "skipped", value_of(job.folder)
            except RunError as error:
                job.state, job.message = "failed", str(error)
        pool = pool_of(settings, unique, sweep) if any(job.open for job in unique) else None
        self.jobs += unique
        record(sweep, unique, self.command)
        self._track(sweep, unique)
        if pool is not None:
            self._run_open(sweep, config, pool, unique)
        else:
            log.info(f"{len(unique)} jobs, 0 to do: {sweep}")
            if failed := watch.failures(unique):
                log.error(failed)
        return [_returned(by_folder[job.folder.path], job, unique) for job in jobs]

    def _run_open(self, folder: SweepFolder, config, pool, jobs: list[Job]) -> None:
        """Brings every open job to its end and tells what failed."""
        todo = sum(j.open for j in jobs)
        log.info(f"{len(jobs)} jobs, {todo} to do, {min(todo, pool.n_jobs)} at once {pool.where}: {folder}")
        with watch.Watch(
            jobs, title=folder.name, n_jobs=pool.n_jobs, shown=config.trainer.progress and not self.quiet
        ) as watching:
            finished = run_all(jobs, pool, watching)
        if failed := watch.failures(jobs):
            log.error(failed)
        if not finished:
            self.stopped = True
            raise Interrupted("the sweep was stopped; what is finished is saved. The same command goes on with it.")

    def _track(self, folder: SweepFolder, jobs: list[Job]) -> None:
        """Has MLflow told of jobs that will run, and of those a killed sweep has not told of."""
        if self.mirror is None and any((j.open and j.cfg["tracking"]["enabled"]) or untold(j) for j in jobs):
            self.mirror = Mirror(folder, self.jobs)

    def finish(self) -> None:
        """After the last batch: the report, and the sweep's own MLflow run brought to its end."""
        folder = self.folder
        if folder is None:
            return
        with self.held, quietly(self.quiet):
            if self.mirror is not None:
                self.mirror.close()
            known = folder.record().get("mlflow")
            told = self.mirror is None and (known is None or known.get("state"))
            if told and folder.html_file.is_file() and all(job.state == "skipped" for job in self.jobs):
                log.info(f"everything was done before; report: {folder}/{folder.html_file.name}")
                return
            numbers = {} if self.stopped else _report(folder, self.jobs)
            if folder.record().get("mlflow"):
                failed = any(job.state not in ("done", "skipped") for job in self.jobs)
                state = "interrupted" if self.stopped else "failed" if failed else "done"
                cfg = self.jobs[0].cfg
                finish_sweep(folder, state, numbers, cfg["tracking"]["uri"], cfg["output_dir"])


_active: ContextVar[Sweep] = ContextVar("active")


@contextmanager
def sweeping(command: str, grid: Grid | None = None):
    """Within it the batches that Hydra's launcher is given are one `Sweep`, which is finished in the end.

    Args:
        command, grid: as in `Sweep`.
    """
    sweep = Sweep(command, grid)
    token = _active.set(sweep)
    try:
        yield sweep
    finally:
        _active.reset(token)
        sweep.finish()


def active() -> Sweep:
    """The sweep that batches belong to now."""
    return _active.get()


def open_folder(config, held: ExitStack) -> SweepFolder:
    """The sweep's folder, locked for this process. Without a sweep_name two started in one second get one each.

    Raises:
        RunError: another process runs the sweep of this name.
    """
    wanted = str(config.hydra.sweep.dir)
    for n in range(1, 100):
        sweep = SweepFolder(wanted if n == 1 else f"{wanted}-{n}")
        if config.sweep_name is None and sweep.record():
            continue
        try:
            held.enter_context(sweep.locked())
        except RunError:
            if config.sweep_name is not None:
                raise
            continue
        return sweep
    raise RunError(f"{wanted} and 98 others are taken. Give the sweep a sweep_name.")


def job_of(composed, settings, sweep: SweepFolder, overrides: list[str], swept: list[str], number) -> Job:
    """One grid point, composed; an earlier call's folder of the same configuration is found by its hash."""
    with open_dict(composed):
        composed.hydra.job.id = composed.hydra.job.num = number
    chosen = {k: v for k, v in composed.hydra.runtime.choices.items() if "/" not in str(k) and isinstance(v, str)}
    plain = OmegaConf.masked_copy(composed, [k for k in composed if k != "hydra"])
    cfg: Any = OmegaConf.to_container(plain, resolve=True)
    cfg["trainer"]["threads"] = cfg["trainer"]["threads"] or settings["threads"]
    if not any(o.startswith("explorer") for o in overrides):  # five megabytes a job, and seconds: only where asked for
        cfg["explorer"]["enabled"] = False
    if plots := cfg.get("plots"):
        cfg["plots"] = results.without_map(plots, overrides)
    there = next(iter(sorted(sweep.path.glob(f"*-{config_hash(cfg)}"))), None)
    name = short_overrides(swept).replace("=", "-").replace(",", "+")  # typed after run= without quotes
    folder = RunFolder(there or sweep.path / f"{name}-{config_hash(cfg)}")
    hydra = OmegaConf.masked_copy(composed, ["hydra"])
    records = {} if there else {"config": plain, "hydra": hydra, "overrides": composed.hydra.overrides.task}
    return Job(
        number=number, overrides=overrides, label=" ".join(swept) or "defaults", folder=folder, cfg=cfg, chosen=chosen,
        hydra=records,
    )  # fmt: skip


def record(sweep: SweepFolder, jobs: list[Job], command: str) -> None:
    """sweep.json: the command and every job of every call so far."""
    for job in jobs:
        if job.hydra:
            job.folder.write_hydra(job.hydra)
            job.hydra = {}
    known = sweep.record()
    entries = {
        job.folder.path.name: {"overrides": job.overrides, "hash": config_hash(job.cfg), "number": job.number}
        for job in jobs
    }
    sweep.update_record(
        command=command,
        started=known.get("started", time.time()),
        jobs={**known.get("jobs", {}), **entries},
    )


def pool_of(settings: dict, jobs: list[Job], sweep: SweepFolder):
    """Where the jobs run."""
    n_jobs = settings["n_jobs"]
    own = {name: settings[name] for name in ("memory_limit", "timeout_min", "fresh_processes")}
    own |= {"threads": max(job.threads for job in jobs), "device": jobs[0].cfg["device"]}
    if settings["cluster"] == "ray":
        from vaelab.sweeps.ray import RayPool

        return RayPool(n_jobs=n_jobs, worker=own, **settings["settings"])
    if settings["cluster"] == "slurm":
        from vaelab.sweeps.slurm import SlurmPool

        return SlurmPool(n_jobs=n_jobs, worker=own, folder=sweep.path / "slurm", **settings["settings"])
    from vaelab.sweeps.local import LocalPool

    return LocalPool(n_jobs=n_jobs, **own)


class _Failed(JobReturn):
    """A `JobReturn` whose failure was told already."""

    @property
    def return_value(self):
        raise self._return_value


def _returned(job: Job, asked: Job, jobs: list[Job]) -> JobReturn:
    """What Hydra's sweeper gets: the value of `optimize`, or the failure."""
    facts = {"overrides": asked.overrides, "cfg": OmegaConf.create(job.cfg), "working_dir": str(job.folder.path)}
    if job.state in ("done", "skipped"):
        return JobReturn(**facts, status=JobStatus.COMPLETED, _return_value=value_of(job.folder))
    n = sum(j.state == "failed" for j in jobs)
    error = TrainingError(f"{n} of {len(jobs)} jobs failed. The same command tries them again and skips the others.")
    return _Failed(**facts, status=JobStatus.FAILED, _return_value=error)


def _report(sweep: SweepFolder, jobs: list[Job]) -> dict:
    """Writes the report; its trouble never costs the sweep. Returns its headline numbers."""
    if not any(job.status().get("state") == "done" for job in jobs):
        return {}
    try:
        from vaelab.report.write import write

        found = write(sweep)
    except Exception as error:
        again = words.pasteable("vaelab", "report", words.setting("sweep", sweep))
        log.warning(f"no report ({type(error).__name__}: {error}). {again}")
        return {}
    log.info(f"report: {sweep}/{sweep.html_file.name}")
    return found
