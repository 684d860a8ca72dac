"""`vaelab.sweep`: one job per combination of values, called from Python."""

from pathlib import Path

from vaelab.api.arguments import overrides_of
from vaelab.config import compose, locate, typed
from vaelab.errors import TrainingError
from vaelab.records.sweep_folder import find_sweep


class Sweep:
    """A sweep: the runs of its jobs and its report.

    Args:
        reference: the sweep's folder or name, or "latest".
        output_dir: where sweeps are looked for by name.
        trusted, config_dir: as for `vaelab.load`, where parts of yours are among the jobs'.

    Attributes:
        folder: its `SweepFolder`; str(sweep.folder) is its path.
        name: of the folder.

    Raises:
        RunError: there is no such sweep.
    """

    def __init__(self, reference: str | Path = "latest", *, output_dir="outputs", trusted=(), config_dir=()):
        self.folder = find_sweep(str(reference), output_dir)
        self.name, self._opening = self.folder.name, {"trusted": trusted, "config_dir": config_dir}

    def __repr__(self):
        return f"<vaelab sweep {self.folder}: {len(self.folder.jobs())} jobs>"

    def _repr_html_(self):
        from vaelab.api.card import sweep_card

        return sweep_card(self)

    @property
    def runs(self):
        """DataFrame, one row per job: first the settings that differ, then as `vaelab.runs`."""
        from vaelab.api.tables import frame
        from vaelab.records import listing

        rows = [listing.row(folder) for folder in self.folder.jobs()]
        known = {name for row in rows for name in (*row, *row["facts"])}
        return frame(rows, leading=[k for k in self.differ if k in known])

    @property
    def differ(self) -> list[str]:
        """The settings in which jobs differ."""
        jobs = (self.folder.record().get("jobs") or {}).values()
        typed = [dict(o.lstrip("+~").split("=", 1) for o in job["overrides"] if "=" in o) for job in jobs]
        keys = dict.fromkeys(key for words in typed for key in words)
        return [key for key in keys if len({words.get(key) for words in typed}) > 1]

    @property
    def report(self) -> str | None:
        """Path of report.html; None where none is written yet."""
        return str(self.folder.html_file) if self.folder.html_file.is_file() else None

    @property
    def best(self):
        """The `Run` that ranks first by what `optimize` minimises; None where nothing ranks the jobs or none is done.

        Values of different betas or likelihoods are different quantities: a ranking by the loss compares like with like
        only among jobs of the same loss.
        """
        from vaelab.api.run import load
        from vaelab.sweeps.job import value_of

        ranked = []
        for folder in self.folder.jobs():
            status = folder.status()
            if status.get("state") == "done" and (value := value_of(folder)) is not None:
                sign = -1 if (status.get("monitored") or "").startswith("-") else 1
                ranked.append((sign * value, len(ranked), folder))
        return load(min(ranked)[2].path, **self._opening) if ranked else None


def sweep(*words: str, **settings) -> Sweep:
    """Trains one run per combination of values, each in a process of its own, as `vaelab train -m` does.

    The same call again skips what is done, continues what was stopped and retries what failed, where the sweep has a
    `sweep_name`. At the end a report is written.

    Args:
        *words: as on the command line: "dataset=digits", "beta=0.5,1,4", "sweep=<recipe>", "cluster=<name>".
        **settings: as for `vaelab.train`; a list is one job per entry: beta=[0.5, 1, 4]. What is a list itself
            stands in a list: model={"hidden_dims": [[512], [256, 128]]}. metric, plot and trusted are lists of names.

    Returns:
        A `Sweep`: `runs` (DataFrame), `report` (path of the page), `best` (a `Run`).

    Raises:
        ConfigError: a job that cannot work; every job is checked before the first begins.
        TrainingError: jobs failed; the others are finished, and `vaelab.Sweep(...)` opens what there is.
        Interrupted: stopped; what is finished is saved, the same call goes on.

    Examples:
        >>> found = vaelab.sweep("dataset=digits", beta=[0.5, 1, 4], seed=[0, 1], sweep_name="ladder")
        >>> found.runs.groupby("beta")["test/rate"].mean()
        >>> found.best.plot("traversal")
    """
    from vaelab.sweeps import recipe, start

    overrides, dirs = overrides_of("train", words, settings, swept=True)
    with locate.config_dirs(dirs):
        if any(o.startswith("hydra.launcher.") for o in overrides):
            recipe.check_launcher(overrides)
        _, overrides = recipe.expand(["-m"], overrides)
        grid = compose.check_sweep(overrides)
        trusted = next((o.value() for o in typed.parse(overrides) if o.key_or_group == "trusted"), None) or []
        folder, failed = start.multirun(overrides, grid)
    if failed:
        raise TrainingError(f"{failed} The others: vaelab.Sweep({str(folder)!r}).")
    return Sweep(folder.path, trusted=list(map(str, trusted)), config_dir=dirs)
