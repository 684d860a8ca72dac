"""Sweep folders: the only code that spells the names of files beside a sweep's jobs."""

import logging
from contextlib import suppress
from pathlib import Path

from vaelab.config.nearest import nearest
from vaelab.errors import RunError
from vaelab.records.folder import Folder, check_types, inside
from vaelab.records.run_folder import NUMBER, SWEEP_RECORD, RunFolder
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


class SweepFolder(Folder):
    """One sweep: a run folder per job, sweep.json, report.html, report.csv, report/*.png, report/settings.csv and .tex.

    Args:
        path: the folder; made where it is missing.
    """

    WORK = "run"
    RECORD = SWEEP_RECORD
    MADE_FIRST = Folder.MADE_FIRST | {"multirun.yaml"}

    html_file = inside("report.html")
    csv_file = inside("report.csv")

    @property
    def name(self) -> str:
        return self.path.name

    def picture_file(self, name: str) -> Path:
        """report/<name>.png, its folder made."""
        (self.path / "report").mkdir(parents=True, exist_ok=True)
        return self.path / "report" / f"{name}.png"

    def table_file(self, kind: str) -> Path:
        """report/settings.<kind>, csv or tex, its folder made."""
        return self.picture_file("settings").with_suffix(f".{kind}")

    def files(self) -> list[tuple[Path, str]]:
        """(file, sub-folder) of everything tracking should keep of the sweep as a whole."""
        found = [(self.path / self.RECORD, ""), (self.html_file, ""), (self.csv_file, "")]
        found += [(p, "report") for p in sorted((self.path / "report").glob("*.*"))]
        return [(path, where) for path, where in found if path.is_file()]

    def record(self) -> dict:
        """command, started, jobs: {folder: {number, overrides, hash}}; empty where there is none yet.

        Raises:
            RunError: damaged.
        """
        content = self._read_json(self.RECORD, types={"command": str, "started": NUMBER, "jobs": dict, "mlflow": dict})
        for name, job in (content.get("jobs") or {}).items():
            where = f"{self.path / self.RECORD}: {name}"
            check_types(job, {"overrides": list, "number": int, "hash": str}, where)
            words = job.get("overrides") or []
            if Path(name).name != name or name in ("", "..") or not all(isinstance(word, str) for word in words):
                raise RunError(f"{where}: expected a job's folder in the sweep's own, and the words that made it.")
        return content

    def update_record(self, **facts) -> None:
        """Merges facts into sweep.json."""
        self._merge_json(self.RECORD, facts)

    def discard_if_empty(self, keep: Path) -> None:
        """As any folder's."""
        with suppress(OSError):
            (self.path / "slurm").rmdir()  # submitit's, where no job was submitted
        super().discard_if_empty(keep)

    def jobs(self) -> list[RunFolder]:
        """The run folders of its jobs, in the order of the grid."""
        names = self.record().get("jobs") or sorted(p.parent.name for p in self.path.glob("*/config.yaml"))
        return [RunFolder(self.path / name) for name in names]


def find_sweep(reference: str, output_dir) -> SweepFolder:
    """A sweep by folder, name or "latest".

    Raises:
        RunError: there is none of that name.
    """
    sweep = _find_sweep(reference, output_dir)
    sweep.check_links()
    return sweep


def _find_sweep(reference: str, output_dir) -> SweepFolder:
    base = Path(output_dir) / "sweeps"
    for candidate in (Path(reference).expanduser(), base / reference):
        if (candidate / SweepFolder.RECORD).is_file():
            return SweepFolder(candidate)
    known = all_sweeps(output_dir)
    if reference == "latest" and known:
        return known[-1]
    hint = nearest(reference, [s.name for s in known]) if known else "There are none yet."
    raise RunError(f"There is no sweep '{reference}' under {base}. {hint}")


def all_sweeps(output_dir) -> list[SweepFolder]:
    """Every sweep under outputs, oldest first; one whose record is damaged is named and left out."""
    found = []
    for path in (Path(output_dir) / "sweeps").glob(f"*/{SweepFolder.RECORD}"):
        sweep = SweepFolder(path.parent)
        try:
            found.append((sweep.record().get("started") or 0, sweep.name, sweep))
        except RunError as error:
            log.log(NOTE, f"a sweep is left out: {error}")
    return [sweep for *_, sweep in sorted(found, key=lambda entry: entry[:2])]
