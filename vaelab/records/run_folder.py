"""Run folders: the only code that spells the names of files inside a run."""

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from vaelab.config.flat import flat
from vaelab.errors import Defect, RunError, VaelabError, visible
from vaelab.records.folder import Folder, check_types, damaged, inside, shown
from vaelab.system.files import atomic_file, write, write_bytes

MODELS = ("encoder", "decoder", "vae")
SWEEP_RECORD = "sweep.json"  # a sweep's, beside the folders of its jobs
NUMBER = (int, float)
# What the records of a run hold where they hold it, besides null.
STATUS = {
    "state": str, "run_name": str, "message": str, "chosen": dict, "tags": dict, "dataset": dict, "overrides": list,
    "mlflow_run_id": str, "mlflow_name": str, "mlflow_uri": str, "mlflow_state": str, "mlflow_delivered": bool,
    "stopped_early": bool, "phase": str, "phases": dict,
} | dict.fromkeys(
    ("started", "begun_again", "finished", "seconds", "seconds_before", "train_seconds", "epochs", "steps",
     "weights_epoch", "parameters", "latent_dim"),
    NUMBER,
)  # fmt: skip
SCORE = {"value": NUMBER, "se": NUMBER, "n": NUMBER, "samples": NUMBER, "split": str, "data": str, "note": str}
VERDICT = {"name": str, "published": NUMBER, "measured": NUMBER, "margin": NUMBER, "bound": str, "passed": bool}


class RunFolder(Folder):
    """One run: config.yaml, *.h5, history.csv, metrics.json, by_image.npz, codes.npz, figures/, checkpoint/, ...

    What reads a file raises `RunError` where it is damaged; config.yaml must be there, any other may be missing.

    Args:
        path: the folder; made where it is missing.
    """

    WORK = "trained"
    MADE_FIRST = Folder.MADE_FIRST | {".hydra", "run.log"}

    # -- names ----------------------------------------------------------------------------------------------------

    checkpoint = inside("checkpoint")
    explorer_file = inside("explorer.html")
    codes_file = inside("codes.npz")
    _by_image = inside("by_image.npz")
    tiles_file = inside("tiles.npz")  # a few samples and reconstructions of a sweep's job, for the sweep's report
    log = inside("run.log")  # what was printed; the traceback of an error nobody foresaw
    job_log = inside("job.log")  # what the process of a sweep's job printed, native libraries included

    def model_file(self, which: str) -> Path:
        """encoder.h5, decoder.h5, vae.h5, or prior.h5 where the prior is a network."""
        return self.path / f"{which}.h5"

    @property
    def begun(self) -> bool:
        """Whether there is a configuration in it."""
        return (self.path / "config.yaml").is_file()

    @property
    def sweep_dir(self) -> Path | None:
        """Folder of the sweep this run is a job of, or None."""
        return self.path.parent if (self.path.parent / SWEEP_RECORD).is_file() else None

    @property
    def data_checksum(self) -> str | None:
        """Of the data a run was trained on; None where it has not come to that, or an older vaelab kept none."""
        return (self.status().get("tags") or {}).get("data.checksum")

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
        top = ["config.yaml", "history.csv", "metrics.json", "environment.txt", "run.log", "explorer.html",
               "condition.json"]  # fmt: skip
        found = [(self.path / name, "") for name in top]
        found += [(self.model_file(m), "models") for m in MODELS]
        found += [(p, "figures") for p in sorted((self.path / "figures").glob("*"))]
        found += [(p, "figures/epochs") for p in sorted((self.path / "figures" / "epochs").glob("*"))]
        return [(path, where) for path, where in found if path.is_file()]

    # -- content --------------------------------------------------------------------------------------------------

    def write_config(self, cfg: dict) -> None:
        """The resolved configuration, enough to rebuild the run."""
        self.path.mkdir(parents=True, exist_ok=True)
        write(self.path / "config.yaml", yaml.safe_dump(cfg, sort_keys=False, allow_unicode=True))

    def read_config(self) -> dict:
        """The resolved configuration."""
        path = self.path / "config.yaml"
        try:
            content = shown(yaml.safe_load(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RunError(
                f"{self} is no run folder: it has no config.yaml. vaelab runs lists what there is."
            ) from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" in line {mark.line + 1}" if mark else ""
            raise RunError(f"{path} cannot be read: it is no yaml{line}. Restore it, or train the run anew.") from None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, dict) or "model" not in content or not all(isinstance(k, str) for k in content):
            raise RunError(f"{path} is not the configuration of a run (no 'model' in it).")
        check_types(content, dict.fromkeys(("dataset", "model", "trainer", "tracking"), dict), f"{path}")
        return content

    def write_hydra(self, records: dict) -> None:
        """.hydra/<name>.yaml of each record, as Hydra writes them where it makes the folder."""
        from omegaconf import OmegaConf

        (self.path / ".hydra").mkdir(parents=True, exist_ok=True)
        for name, content in records.items():
            OmegaConf.save(content, self.path / ".hydra" / f"{name}.yaml")

    def write_history(self, rows: list[dict]) -> None:
        """history.csv, one line per epoch."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
        write(self.path / "history.csv", text.getvalue())

    def read_history(self) -> list[dict]:
        """Rows of history.csv as numbers; empty where there is none yet."""
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows: list[dict[str, Any]] = [
                    {visible(k): float(v) if v else None for k, v in row.items()} for row in csv.DictReader(file)
                ]
            for row in rows:
                row["epoch"] = int(row["epoch"])
        except (OSError, ArithmeticError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise RunError(
                f"{path} is damaged ({error}). Remove it: the checkpoint holds it too; resume writes it anew."
            ) from None
        return rows

    def add_metrics(self, scores: dict, by_image: dict | None = None) -> dict:
        """Merges {name: {value, se, ...}} into metrics.json; returns all of it.

        Args:
            by_image: {name: (numbers of the images in their split, their values)}, merged into by_image.npz as arrays
                "<name>.rows" and "<name>".
        """
        if by_image:
            arrays = {key: a for n, (rows, values) in by_image.items() for key, a in ((f"{n}.rows", rows), (n, values))}
            _write_arrays(self._by_image, _read_arrays(self._by_image) | arrays)
        return self._merge_json("metrics.json", scores)

    def read_by_image(self, split: str) -> dict:
        """{score: (numbers of the images in a split, their values)} of the scores that keep those, without the split's
        name.

        Raises:
            RunError: damaged.
        """
        found = _read_arrays(self._by_image, f"{split}/")
        names = [name for name in found if not name.endswith(".rows")]
        return {name.removeprefix(f"{split}/"): (found[f"{name}.rows"], found[name]) for name in names}

    def read_metrics(self) -> dict:
        """Content of metrics.json; empty where there is none yet."""
        content = self._read_json("metrics.json")
        for name, score in content.items():
            check_types(score, SCORE, f"{self.path / 'metrics.json'}: {name}")
            score.setdefault("value", None)
        return content

    def facts(self) -> dict:
        """{name: value} of what is known of the run, flat: settings (`trainer.epochs`), chosen options (`model`), what
        the run cost, metrics (`test/rate`, `test/rate.se`), what a recipe measured (`expect.loss`, `verdict`)."""
        status = self.status()
        try:
            found = dict(flat(self.read_config()))
        except RunError:
            found = {}
        found |= status.get("chosen") or {}
        found |= {k: status[k] for k in ("run_name", "parameters", "seconds", "train_seconds") if k in status}
        metrics = self.read_metrics()
        found |= {name: entry["value"] for name, entry in metrics.items()}
        found |= {f"{name}.se": entry.get("se") for name, entry in metrics.items()}
        verdicts = self.read_verdicts()
        found |= {f"expect.{v['name']}": v["measured"] for v in verdicts}
        if verdicts:
            found["verdict"] = "PASS" if all(v["passed"] for v in verdicts) else "FAIL"
        return found

    def status(self) -> dict:
        """state (running, done, failed, interrupted, killed), started, epochs, run_name, ..."""
        content = self.recorded_status()
        if content.get("state") == "running" and self.holder() is None:
            content["state"] = "killed"
        return content

    def recorded_status(self) -> dict:
        """Content of status.json, where a run whose process was killed is still running."""
        content = self._read_json("status.json", types=STATUS)
        if not all(isinstance(option, str) for option in (content.get("chosen") or {}).values()):
            raise damaged(self.path / "status.json", "chosen: expected names of options")
        return content

    def own_seconds(self) -> float | None:
        """Seconds that were worked on the run: of the process that ended it, and of those before their epochs; None
        where that is not known."""
        status = self.status()
        started, finished = status.get("started"), status.get("finished")
        began = status.get("begun_again") or started
        if began is None or finished is None or finished < began:
            return None
        return finished - began + (status.get("seconds_before") or 0)

    def update_status(self, **facts) -> None:
        """Merges facts into status.json."""
        self._merge_json("status.json", facts)

    def write_environment(self, text: str) -> None:
        """environment.txt: versions and machine."""
        write(self.path / "environment.txt", text)

    def read_environment(self) -> str:
        """Content of environment.txt."""
        path = self.path / "environment.txt"
        return visible(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else ""

    def write_verdicts(self, verdicts: list[dict]) -> None:
        """verdict.json: what a recipe's `expect` said of this run."""
        write(self.path / "verdict.json", json.dumps(verdicts, indent=1))

    def forget_verdicts(self) -> None:
        """Removes verdict.json: what it judged is about to change."""
        (self.path / "verdict.json").unlink(missing_ok=True)

    def read_verdicts(self) -> list[dict]:
        """Content of verdict.json; empty where no recipe judged the run."""
        verdicts = self._read_json("verdict.json", list)
        for n, verdict in enumerate(verdicts):
            check_types(verdict, VERDICT, f"{self.path / 'verdict.json'}: entry {n}")
        if not all({"name", "measured", "passed"} <= v.keys() for v in verdicts):
            raise damaged(self.path / "verdict.json", "an entry has no name, measured or passed")
        return verdicts

    def save_models(self, models: dict, learned: dict[str, float] | None = None) -> None:
        """{"encoder": keras model, ...} as `.h5` files that open in plain Keras.

        Args:
            learned: numbers of p(x|z) that the decoder's output, its mean, does not show; attributes of decoder.h5,
                as in `h5py.File(path).attrs["likelihood_variance"]`.
        """
        for which, model in models.items():
            write_bytes(self.model_file(which), h5_bytes(model, learned if which == "decoder" else None))

    def save_codes(self, arrays: dict) -> None:
        """codes.npz: per split codes, labels and per-image terms."""
        _write_arrays(self.codes_file, arrays, compressed=False)

    def save_prior(self, arrays: dict) -> None:
        """prior.npz: the weights of a prior that learned, as its `frozen` names them."""
        _write_arrays(self.path / "prior.npz", arrays, compressed=False)

    def read_prior(self) -> dict:
        """{name: array} of prior.npz; empty where the prior learned nothing."""
        return _read_arrays(self.path / "prior.npz")

    def write_condition(self, known: dict) -> None:
        """condition.json: what the columns of the run's condition are (`conditions.columns.Columns.plain`)."""
        write(self.path / "condition.json", json.dumps(known, indent=1, ensure_ascii=False))

    def read_condition(self) -> dict | None:
        """Content of condition.json; None where the run has no condition.

        Raises:
            RunError: damaged.
        """
        known = self._read_json("condition.json", types={"option": str, "fields": list})
        if not known:
            return None
        fields = known.get("fields")
        kinds = [[type(value) for value in f] for f in fields or () if isinstance(f, list)]
        wanted = [[str, list, float, float]] * len(fields or ())
        if not fields or kinds != wanted or {type(name) for f in fields for name in f[1]} - {str}:
            raise damaged(self.path / "condition.json", "fields: expected [name, choices, mean, deviation] of each")
        return known

    def save_fitted_prior(self, option: str, arrays: dict | None, network, settings: dict, scores: dict) -> Path:
        """fitted_priors/<option>/: prior.npz and prior.h5 as the run's own would be, config.yaml, metrics.json.

        Args:
            network: a Keras model from noise to z, or None.
            scores: {"before": ..., "after": ...}, each as metrics.json has them.
        """
        fitted = RunFolder(self.path / "fitted_priors" / option)
        fitted.path.mkdir(parents=True, exist_ok=True)
        if arrays is not None:
            fitted.save_prior(arrays)
        if network is not None:
            fitted.save_models({"prior": network})
        write(fitted.path / "config.yaml", yaml.safe_dump(settings))
        write(fitted.path / "metrics.json", json.dumps(scores, indent=1))
        return fitted.path

    def read_codes(self, split: str) -> dict:
        """{term: array} of codes.npz of a split; empty where there is none."""
        found = _read_arrays(self.codes_file, f"{split}_")
        return {name.removeprefix(f"{split}_"): array for name, array in found.items()}

    def save_tiles(self, arrays: dict) -> None:
        """tiles.npz: per view samples, originals and reconstructions, uint8."""
        _write_arrays(self.tiles_file, arrays)

    def read_tiles(self) -> dict:
        """Arrays of tiles.npz; empty where there is none."""
        return _read_arrays(self.tiles_file)

    def save_frame(self, epoch: int, arrays: dict) -> None:
        """frames/epoch-<epoch>.npz."""
        path = self.frame_file(epoch)
        path.parent.mkdir(exist_ok=True)
        _write_arrays(path, arrays)

    def read_frames(self) -> list[tuple[int, dict]]:
        """(epoch, arrays) of every frame kept, in order."""
        try:
            return [(epoch, _read_arrays(path)) for epoch, path in self.frame_files().items()]
        except (RunError, ValueError) as error:
            raise RunError(f"{error} Without that file the others can be shown.") from None

    def frame_files(self) -> dict[int, Path]:
        """{epoch: file} of every frame kept, in order."""
        return {int(p.stem.rpartition("-")[2]): p for p in sorted((self.path / "frames").glob("epoch-*.npz"))}

    def discard_if_empty(self, keep: Path) -> None:
        """As any folder's, but not while somebody works on it."""
        if self.holder() is None:
            super().discard_if_empty(keep)


@contextmanager
def removed_if_refused(folder: RunFolder, keep: Path):
    """Removes the folder of a run that is refused before it begins.

    Args:
        keep: what was there before: empty folders above the run's are removed down to it.
    """
    try:
        yield
    except Defect:  # its traceback is in the folder
        raise
    except (VaelabError, OSError, KeyboardInterrupt):
        folder.discard_if_empty(keep)
        raise


def h5_bytes(model, attributes: dict[str, float] | None = None) -> bytes:
    """A Keras model as the content of its `.h5` file. HDF5 itself ends the process where the disk is full.

    Args:
        attributes: further ones of the file.
    """
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_model_to_hdf5

    with h5py.File("model.h5", "w", driver="core", backing_store=False) as file:  # in memory only
        save_model_to_hdf5(model, file)
        file.attrs.update(attributes or {})
        file.flush()
        return file.id.get_file_image()


def _write_arrays(path: Path, arrays: dict, compressed: bool = True) -> None:
    import numpy as np

    with atomic_file(path) as temporary:
        (np.savez_compressed if compressed else np.savez)(temporary, **arrays)


def _read_arrays(path: Path, prefix: str = "") -> dict:
    """The arrays of an npz file whose names begin so; empty where there is no file.

    Raises:
        RunError: damaged.
    """
    from zipfile import BadZipFile
    from zlib import error as ZlibError

    import numpy as np

    try:
        with np.load(path) as content:
            return {name: content[name] for name in content.files if name.startswith(prefix)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile, ZlibError) as error:
        raise RunError(f"{path} is damaged ({error}).") from None


def all_runs(output_dir) -> list[RunFolder]:
    """Every run under outputs, oldest first."""
    found = [RunFolder(p.parent) for p in Path(output_dir).glob("**/status.json") if p.parent.name != "checkpoint"]
    return sorted(found, key=lambda r: (_known_of(r).get("started") or 0, str(r.path)))


def find(reference: str, output_dir) -> RunFolder:
    """A run by folder, "latest", MLflow run id or run name.

    Raises:
        RunError: nothing or more than one thing has that name.
    """
    run = _find(reference, output_dir)
    run.check_links()
    return run


def _find(reference: str, output_dir) -> RunFolder:
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

    beside = {str(found.parent) for found in Path(reference).expanduser().parent.glob("*/config.yaml")}
    choices = beside.union({str(r) for r in known}, *map(_names, known))
    close = get_close_matches(reference, sorted(choices), n=1, cutoff=0.6)
    newest = f"The newest is {known[-1]}; vaelab runs lists all {len(known)}." if known else "There are none yet."
    hint = f"Did you mean '{close[0]}'?" if close else newest
    raise RunError(f"There is no run '{reference}' under {output_dir}. {hint}")


def _known_of(run: RunFolder) -> dict:
    """Content of status.json; empty where it is damaged, so that one such run does not hide the others."""
    try:
        return run.recorded_status()
    except RunError:
        return {}


def _names(run: RunFolder) -> set:
    status = _known_of(run)
    return {status.get(k) for k in ("run_name", "mlflow_run_id", "mlflow_name")} - {None} | {run.path.name}
