"""Run folders: the only code that spells the names of files inside a run."""

import csv
import json
import os
import socket
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from vaelab.errors import DISK_TROUBLE, RunError

MODELS = ("encoder", "decoder", "vae")


class Folder:
    """A folder one process at a time works on."""

    WORK = "used"

    def __init__(self, path):
        self.path = Path(path).resolve()

    def __str__(self):
        """As short as a user may type it from here."""
        try:
            return str(self.path.relative_to(Path.cwd()))
        except ValueError:
            return str(self.path)

    def _read_json(self, name: str) -> dict:
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None

    # -- one process at a time ------------------------------------------------------------------------------------

    @contextmanager
    def locked(self):
        """Holds the folder for this process.

        Raises:
            RunError: another process works on it; the message says which.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "a+", encoding="utf-8") as file:
            if not _taken(file):
                file.seek(0)
                raise RunError(f"{self} is being {self.WORK} by {file.read().strip() or 'another process'}.") from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            file.flush()
            for leftover in (*self.path.glob(".[0-9]*-*"), *self.path.glob("frames/.[0-9]*-*")):  # a killed process's
                leftover.unlink(missing_ok=True)
            yield

    def holder(self) -> str | None:
        """Who works on it now, or None."""
        import fcntl

        path = self.path / ".lock"
        if not path.is_file():
            return None
        try:
            file = open(path, "r+", encoding="utf-8")  # noqa: SIM115 (closed by with below)
        except OSError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip()
        return None


class RunFolder(Folder):
    """One run: config.yaml, *.h5, history.csv, metrics.json, codes.npz, figures/, checkpoint/, status.json, ...

    Args:
        path: the folder; made where it is missing.
    """

    WORK = "trained"

    # -- names ----------------------------------------------------------------------------------------------------

    def model_file(self, which: str) -> Path:
        """encoder.h5, decoder.h5 or vae.h5."""
        return self.path / f"{which}.h5"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def explorer_file(self) -> Path:
        return self.path / "explorer.html"

    @property
    def codes_file(self) -> Path:
        return self.path / "codes.npz"

    @property
    def job_log(self) -> Path:
        """What the process of a sweep's job printed, native libraries included."""
        return self.path / "job.log"

    @property
    def tiles_file(self) -> Path:
        """A few samples and reconstructions of a sweep's job, for the sweep's report."""
        return self.path / "tiles.npz"

    @property
    def sweep_dir(self) -> Path | None:
        """Folder of the sweep this run is a job of, or None."""
        return self.path.parent if (self.path.parent / SweepFolder.RECORD).is_file() else None

    def figure_file(self, name: str, suffix: str) -> Path:
        """figures/<name>.<suffix>, its folder made."""
        path = self.path / "figures" / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def epoch_figure(self, name: str, epoch: int) -> str:
        """What a picture drawn after an epoch of the training is called under figures/."""
        return f"epochs/{name}-{epoch:06d}"

    def frame_file(self, epoch: int) -> Path:
        """What the model made of fixed images and codes after an epoch, for animations of the training."""
        return self.path / "frames" / f"epoch-{epoch:06d}.npz"

    def files(self) -> list[tuple[Path, str]]:
        """(file, sub-folder) of everything tracking should keep; checkpoints stay here."""
        top = ["config.yaml", "history.csv", "metrics.json", "environment.txt", "run.log", "explorer.html"]
        found = [(self.path / name, "") for name in top]
        found += [(self.model_file(m), "models") for m in MODELS]
        found += [(p, "figures") for p in sorted((self.path / "figures").glob("*"))]
        found += [(p, "figures/epochs") for p in sorted((self.path / "figures" / "epochs").glob("*"))]
        return [(path, where) for path, where in found if path.is_file()]

    # -- content --------------------------------------------------------------------------------------------------

    def write_config(self, cfg: dict) -> None:
        """The resolved configuration, enough to rebuild the run."""
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.path / "config.yaml", yaml.safe_dump(cfg, sort_keys=False, allow_unicode=True))

    def read_config(self) -> dict:
        """The resolved configuration.

        Raises:
            RunError: missing or damaged.
        """
        path = self.path / "config.yaml"
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(
                f"{self} is no run folder: it has no config.yaml. vaelab runs lists what there is."
            ) from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" in line {mark.line + 1}" if mark else ""
            raise RunError(f"{path} cannot be read: it is no yaml{line}. Restore it, or train the run anew.") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, dict) or "model" not in content:
            raise RunError(f"{path} is not the configuration of a run (no 'model' in it).")
        return content

    def write_history(self, rows: list[dict]) -> None:
        """history.csv, one line per epoch."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        path = self.path / "history.csv"
        with _beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)

    def read_history(self) -> list[dict]:
        """Rows of history.csv as numbers; empty where there is none yet.

        Raises:
            RunError: damaged.
        """
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = [{k: float(v) if v else None for k, v in row.items()} for row in csv.DictReader(file)]
            for row in rows:
                row["epoch"] = int(row["epoch"])
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise RunError(
                f"{path} is damaged ({error}). Remove it: the checkpoint holds it too; resume writes it anew."
            ) from None
        return rows

    def add_metrics(self, scores: dict) -> dict:
        """Merges {name: {value, se, ...}} into metrics.json; returns all of it."""
        content = {**self.read_metrics(), **scores}
        _write(self.path / "metrics.json", json.dumps(content, indent=1))
        return content

    def read_metrics(self) -> dict:
        """Content of metrics.json; empty where there is none yet."""
        return self._read_json("metrics.json")

    def facts(self) -> dict:
        """{name: value} of what is known of the run, flat: settings (`trainer.epochs`), chosen options (`model`), what
        the run cost, metrics (`test/rate`, `test/rate.se`), what a recipe measured (`expect.loss`, `verdict`)."""
        status = self.status()
        try:
            found = dict(_flat(self.read_config()))
        except RunError:
            found = {}
        found |= status.get("chosen", {})
        found |= {k: status[k] for k in ("run_name", "parameters", "seconds", "train_seconds") if k in status}
        found |= {name: entry["value"] for name, entry in self.read_metrics().items()}
        found |= {f"{name}.se": entry.get("se") for name, entry in self.read_metrics().items()}
        verdicts = self.read_verdicts()
        found |= {f"expect.{v['name']}": v["measured"] for v in verdicts}
        if verdicts:
            found["verdict"] = "PASS" if all(v["passed"] for v in verdicts) else "FAIL"
        return found

    def status(self) -> dict:
        """state (running, done, failed, interrupted, killed), started, epochs, run_name, ..."""
        content = self._read_json("status.json")
        if content.get("state") == "running" and self.holder() is None:
            content["state"] = "killed"
        return content

    def update_status(self, **facts) -> None:
        """Merges facts into status.json."""
        _write(self.path / "status.json", json.dumps({**self._read_json("status.json"), **facts}, indent=1))

    def write_environment(self, text: str) -> None:
        """environment.txt: versions and machine."""
        _write(self.path / "environment.txt", text)

    def read_environment(self) -> str:
        """Content of environment.txt."""
        path = self.path / "environment.txt"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def write_verdicts(self, verdicts: list[dict]) -> None:
        """verdict.json: what a recipe's `expect` said of this run."""
        _write(self.path / "verdict.json", json.dumps(verdicts, indent=1))

    def read_verdicts(self) -> list[dict]:
        """Content of verdict.json; empty where no recipe judged the run."""
        return self._read_json("verdict.json") or []

    def save_models(self, models: dict) -> None:
        """{"encoder": keras model, ...} as `.h5` files that open in plain Keras."""
        import logging
        import warnings

        logging.getLogger("absl").addFilter(lambda record: "legacy" not in record.getMessage())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*legacy.*")
            for which, model in models.items():
                with _beside(self.model_file(which)) as temporary:
                    model.save(temporary)

    def save_codes(self, arrays: dict) -> None:
        """codes.npz: per split codes, labels and per-image terms."""
        import numpy as np

        with _beside(self.codes_file) as temporary:
            np.savez(temporary, **arrays)

    def save_tiles(self, arrays: dict) -> None:
        """tiles.npz: per view samples, originals and reconstructions, uint8."""
        import numpy as np

        with _beside(self.tiles_file) as temporary:
            np.savez_compressed(temporary, **arrays)

    def save_frame(self, epoch: int, arrays: dict) -> None:
        """frames/epoch-<epoch>.npz."""
        import numpy as np

        path = self.frame_file(epoch)
        path.parent.mkdir(exist_ok=True)
        with _beside(path) as temporary:
            np.savez_compressed(temporary, **arrays)

    def read_frames(self) -> list[tuple[int, dict]]:
        """(epoch, arrays) of every frame kept, in order.

        Raises:
            RunError: one is damaged.
        """
        from zipfile import BadZipFile

        import numpy as np

        found = []
        for path in sorted((self.path / "frames").glob("epoch-*.npz")):
            try:
                with np.load(path) as content:
                    found.append((int(path.stem.rpartition("-")[2]), dict(content)))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
                raise RunError(f"{path} cannot be read ({error}). Without that file the others can be shown.") from None
        return found

    @contextmanager
    def logging(self):
        """Copies what is printed into run.log."""
        log = open(self.path / "run.log", "a", encoding="utf-8")  # noqa: SIM115 (a full disk may refuse the close)
        saved = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(saved[0], log), _Tee(saved[1], log)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = saved
            with suppress(OSError):
                log.close()

    def discard_if_empty(self) -> None:
        """Removes a folder in which nothing but Hydra's own record was written."""
        import shutil

        kept = [p for p in self.path.glob("*") if p.name not in (".hydra", ".lock", "run.log")]
        if not kept:
            shutil.rmtree(self.path, ignore_errors=True)


class SweepFolder(Folder):
    """One sweep: a run folder per job, sweep.json, report.html, report.csv, report/*.png.

    Args:
        path: the folder; made where it is missing.
    """

    WORK = "run"
    RECORD = "sweep.json"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def html_file(self) -> Path:
        return self.path / "report.html"

    @property
    def csv_file(self) -> Path:
        return self.path / "report.csv"

    def picture_file(self, name: str) -> Path:
        """report/<name>.png, its folder made."""
        (self.path / "report").mkdir(parents=True, exist_ok=True)
        return self.path / "report" / f"{name}.png"

    def files(self) -> list[tuple[Path, str]]:
        """(file, sub-folder) of everything tracking should keep of the sweep as a whole."""
        found = [(self.path / self.RECORD, ""), (self.html_file, ""), (self.csv_file, "")]
        found += [(p, "report") for p in sorted((self.path / "report").glob("*.png"))]
        return [(path, where) for path, where in found if path.is_file()]

    def record(self) -> dict:
        """command, started, jobs: {folder: {number, overrides, hash}}; empty where there is none yet."""
        return self._read_json(self.RECORD)

    def update_record(self, **facts) -> None:
        """Merges facts into sweep.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.path / self.RECORD, json.dumps({**self.record(), **facts}, indent=1))

    def jobs(self) -> list[RunFolder]:
        """The run folders of its jobs, in the order of the grid."""
        names = self.record().get("jobs") or sorted(p.parent.name for p in self.path.glob("*/config.yaml"))
        return [RunFolder(self.path / name) for name in names]


def all_runs(output_dir) -> list[RunFolder]:
    """Every run under outputs, oldest first."""
    found = [RunFolder(p.parent) for p in Path(output_dir).glob("**/status.json") if p.parent.name != "checkpoint"]
    return sorted(found, key=lambda r: (_known_of(r).get("started", 0), str(r.path)))


def find(reference: str, output_dir) -> RunFolder:
    """A run by folder, "latest", MLflow run id or run name.

    Raises:
        RunError: nothing or more than one thing has that name.
    """
    if (Path(reference).expanduser() / "config.yaml").is_file():
        return RunFolder(Path(reference).expanduser())
    known = all_runs(output_dir)
    if reference == "latest":
        if not known:
            raise RunError(f"There is no run under {output_dir} yet. Train one: vaelab train")
        return known[-1]
    named = [r for r in known if reference in _names(r)]
    if len(named) == 1:
        return named[0]
    if named:
        raise RunError(f"{len(named)} runs are called '{reference}': {', '.join(map(str, named))}. Give the folder.")
    if Path(reference).is_dir():
        raise RunError(f"{reference} is no run folder: it has no config.yaml. vaelab runs lists what there is.")
    from difflib import get_close_matches

    close = get_close_matches(reference, sorted({str(r) for r in known}.union(*map(_names, known))), n=1, cutoff=0.6)
    newest = f"The newest is {known[-1]}; vaelab runs lists all {len(known)}." if known else "There are none yet."
    hint = f"Did you mean '{close[0]}'?" if close else newest
    raise RunError(f"There is no run '{reference}' under {output_dir}. {hint}")


def find_sweep(reference: str, output_dir) -> SweepFolder:
    """A sweep by folder, name or "latest".

    Raises:
        RunError: there is none of that name.
    """
    base = Path(output_dir) / "sweeps"
    for candidate in (Path(reference).expanduser(), base / reference):
        if (candidate / SweepFolder.RECORD).is_file():
            return SweepFolder(candidate)
    known = all_sweeps(output_dir)
    if reference == "latest" and known:
        return known[-1]
    from vaelab.config.check import nearest

    hint = nearest(reference, [s.name for s in known]) if known else "There are none yet."
    raise RunError(f"There is no sweep '{reference}' under {base}. {hint}")


def all_sweeps(output_dir) -> list[SweepFolder]:
    """Every sweep under outputs, oldest first."""
    found = [SweepFolder(p.parent) for p in (Path(output_dir) / "sweeps").glob(f"*/{SweepFolder.RECORD}")]
    return sorted(found, key=lambda s: (s.record().get("started", 0), s.name))


def _known_of(run: RunFolder) -> dict:
    """Content of status.json; empty where it is damaged, so that one such run does not hide the others."""
    try:
        return run._read_json("status.json")
    except RunError:
        return {}


def _names(run: RunFolder) -> set:
    status = _known_of(run)
    return {status.get("run_name"), status.get("mlflow_run_id"), run.path.name} - {None}


class _Tee:
    """A stream whose lines also go to a file; progress bars (carriage returns) stay on the terminal."""

    def __init__(self, stream, log):
        self._stream, self._log = stream, log

    def write(self, text):
        if "\r" not in text and "\x1b" not in text:
            with _despite_a_full_disk():
                self._log.write(text)
                self._log.flush()
        with _despite_a_full_disk():  # a sweep's job writes into a file
            self._stream.write(text)
        return len(text)

    def flush(self):
        with _despite_a_full_disk():
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)


@contextmanager
def _despite_a_full_disk():
    """What is told must not stop a training; a reader that went away is another matter."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise


def _flat(settings: dict, above: str = ""):
    """(dotted name, value) of the settings that are no groups."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _taken(file, seconds: float = 1.0) -> bool:
    """Locks a file for this process; False if another one keeps it for so long (a reader asks only for a moment)."""
    import fcntl

    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)


def _write(path: Path, text: str) -> None:
    with _beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _beside(path: Path):
    """A temporary name of the same suffix, renamed at the end: no reader sees half a file, a full disk costs none."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
