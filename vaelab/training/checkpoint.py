"""Everything needed to go on as if never stopped, in one folder per kept epoch, written atomically.

`checkpoint/epoch-000012/`: model.npz (variables with the state of every noise stream), optimizer.npz, best.npz (model
variables of the best epoch so far), state.json (counters, stopping state, history, format version). Each npz keeps its
arrays by the paths of `training.variables`; format 1 kept them by position, and is read as lists. A folder is written
beside under a temporary name, synced and renamed: what has the final name is complete.
"""

import json
import os
import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from vaelab.errors import RunError

FORMAT = 2  # 1: arrays by position
ARRAYS = ("model.npz", "optimizer.npz", "best.npz")  # the last one only where best weights are kept
# What numpy, zip, json and the record's own names make of a damaged file.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile, ZlibError)


@dataclass
class TrainingState:
    """Counters and history at the end of an epoch.

    Attributes:
        epoch: epochs finished.
        step: optimizer steps taken.
        cut_short: the last step came inside the epoch (`trainer.steps` is no multiple of its steps).
        best_value: best `optimize` so far, sign as minimised; None before the first epoch.
        best_epoch: 1-based epoch it was reached in.
        waited: epochs since.
        stopped: early stopping has ended the training.
        history: one dict per epoch: epoch, train/..., val/..., time/...
    """

    epoch: int = 0
    step: int = 0
    best_value: float | None = None
    best_epoch: int = 0
    waited: int = 0
    stopped: bool = False
    cut_short: bool = False
    history: list[dict] = field(default_factory=list)


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        state: `TrainingState`.
        model, optimizer: {path: array}; of format 1 lists, by position.
        best: the model's of the best epoch, or None.
    """

    state: TrainingState
    model: dict | list
    optimizer: dict | list
    best: dict | list | None


class CheckpointFolder:
    """The `checkpoint/` of one run."""

    def __init__(self, path: Path):
        self.path = Path(path)

    def save(self, state: TrainingState, model: dict, optimizer: dict, best: dict | None) -> None:
        """Writes one epoch's folder and removes older ones.

        Args:
            model, optimizer, best: {path: array}; best is None where no best weights are kept.

        Raises:
            OSError: the disk is full or not writable; the previous checkpoint is untouched.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        temporary = self.path / f".writing-{os.getpid()}"
        temporary.mkdir()
        try:
            _write_arrays(temporary / "model.npz", model)
            _write_arrays(temporary / "optimizer.npz", optimizer)
            if best is not None:
                self._write_best(temporary / "best.npz", best, state.best_epoch)
            _write_text(temporary / "state.json", json.dumps({"format": FORMAT, **asdict(state)}))
            _sync_folder(temporary)
            final = self.path / f"epoch-{state.epoch:06d}"
            if final.exists():  # the epoch was cut short before, and is finished now
                final.rename(self.path / f".old-{final.name}")
            os.rename(temporary, final)
            _sync_folder(self.path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for other in self._complete():
            if other not in (final, self._whole_epoch(state)):
                other.rename(self.path / f".old-{other.name}")  # half removed, it must not look complete
        self._remove_leftovers()

    def _write_best(self, path: Path, best: dict, best_epoch: int) -> None:
        """The best variables; linked from the previous folder where they are the same."""
        previous = self.newest()
        known = _read_state(previous) if previous else {}
        same = known.get("best_epoch") == best_epoch and not known.get("cut_short")  # else another when finished
        if previous and same and known.get("format") == FORMAT:
            try:
                os.link(previous / "best.npz", path)
                return
            except OSError:
                pass
        _write_arrays(path, best)

    def _complete(self) -> list[Path]:
        """Oldest first; listed again where another process replaced all of them meanwhile."""
        while True:
            listed = sorted(self.path.glob("epoch-*"))
            complete = [p for p in listed if (p / "state.json").is_file()]
            if complete or all(p.exists() for p in listed):
                return complete

    def _whole_epoch(self, state: TrainingState) -> Path | None:
        """The folder to keep beside an epoch that was cut short: longer training goes on from there."""
        return self.path / f"epoch-{state.epoch - 1:06d}" if state.cut_short else None

    def _remove_leftovers(self) -> None:
        for leftover in (*self.path.glob(".writing-*"), *self.path.glob(".old-*")):
            shutil.rmtree(leftover, ignore_errors=True)

    def newest(self) -> Path | None:
        """The folder of the latest finished epoch, or None."""
        complete = self._complete()
        return complete[-1] if complete else None

    def state(self) -> TrainingState | None:
        """Where training stands, or None where nothing is saved yet; RunError where that cannot be read."""
        saved = self.load()
        return saved and saved.state

    def load(self, steps: int | None = None) -> Saved | None:
        """What the newest folder holds, or None where nothing is saved yet.

        Another process may save meanwhile.

        Args:
            steps: how many are wanted in all. An epoch cut short before that is passed over, because a longer training
                would have finished it.

        Raises:
            RunError: the folder is damaged or of a newer format.
        """
        while True:
            for folder in reversed(self._complete()):
                try:
                    with ExitStack() as held:
                        files = _opened(folder, held)
                        form, state = _parsed(files["state.json"], folder)
                        if steps is not None and state.cut_short and state.step < steps:
                            continue
                        read = _read_arrays if form > 1 else _read_in_order
                        arrays = [read(files[name]) for name in ARRAYS if name in files]
                        return Saved(state, *arrays, *[None] * (len(ARRAYS) - len(arrays)))
                except _Replaced:
                    break
                except UNREADABLE as error:
                    raise _damaged(folder, error) from None
            else:
                return None


class _Replaced(Exception):
    """A newer checkpoint took the place of the folder that was being opened."""


def _opened(folder: Path, held: ExitStack) -> dict:
    """{name: open file} of a checkpoint, which a process that goes on training may remove while it is read.

    Raises:
        _Replaced: it was removed before all were open.
        OSError: one is missing or cannot be read.
    """
    files, before = {}, _identity(folder)
    try:
        for name in ("state.json", *ARRAYS):
            if name != "best.npz" or (folder / name).exists():
                files[name] = held.enter_context(open(folder / name, "rb"))  # noqa: SIM115
    except OSError:
        if before is None or _identity(folder) != before:
            raise _Replaced from None
        raise
    if before is None or _identity(folder) != before:
        raise _Replaced
    return files


def _identity(folder: Path) -> tuple | None:
    """What tells a folder from another of the same name; None where it is gone."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _parsed(file, folder: Path) -> tuple[int, TrainingState]:
    """(format, state) of state.json."""
    content = json.load(file)
    form = content.pop("format")
    if form > FORMAT:
        raise RunError(f"{folder} was written by a newer vaelab. Update vaelab to resume this run.")
    return form, TrainingState(**content)


def _damaged(folder: Path, error: Exception) -> RunError:
    return RunError(f"The checkpoint {folder} is damaged ({error}). Remove it to start the run anew.")


def _read_state(folder: Path) -> dict:
    return json.loads((folder / "state.json").read_text())


def _write_arrays(path: Path, arrays: dict) -> None:
    with open(path, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _read_arrays(file) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as content:
        arrays = {name: content[name] for name in content.files}
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{strange[0]!r} is no array")
    return arrays


def _read_in_order(file) -> list[np.ndarray]:
    """Arrays of format 1, whose names are numbers."""
    arrays = _read_arrays(file)
    return [arrays[name] for name in sorted(arrays)]


def _write_text(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
