"""`vaelab export run=R format=[keras,onnx]`: models for use elsewhere, each read back and compared with Keras."""

import importlib.util
import os
import shutil
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from vaelab.compute import backend
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError, RunError, about_disk, first_line
from vaelab.explorer.litert import held_stderr
from vaelab.jobs import opening
from vaelab.jobs.page import load_model, require_models
from vaelab.records.run_folder import MODELS
from vaelab.system import paths
from vaelab.system.files import atomic_file
from vaelab.system.streams import output

SUFFIXES = {"keras": ".keras", "h5": ".h5", "saved_model": "", "onnx": ".onnx", "litert": ".tflite"}
NEEDS = {"onnx": ("onnx", "tf2onnx", "onnxruntime")}
TOLERANCE = 1e-3  # of the outputs' largest value: what float32 arithmetic in another order may differ by
N_CHECKED = 2


def run(cfg) -> None:
    """Writes <format>/<model> for each model and format, and prints path, size and the difference to Keras.

    Raises:
        ConfigError: an unknown format or model; a format whose packages are not installed.
        RunError: the run has no models; an exported model does not give the numbers of Keras.
    """
    formats = chosen("format", cfg.format, SUFFIXES)
    models = chosen("models", cfg.models, MODELS)
    for name in formats:
        missing = [p for p in NEEDS.get(name, ()) if importlib.util.find_spec(p) is None]
        if missing:
            raise ConfigError(f'format={name} needs {", ".join(missing)}: pip install "vaelab[export]"')
    folder, _ = opening.finished_run(cfg)
    to = folder.path / "export" if cfg.to is None else paths.output_folder("to", cfg.to)
    for name in formats:
        paths.output_folder("to", to / name)
    require_models(folder, *models)
    # whatever trained them: the .h5 are read by every backend, and TensorFlow's exporters know all formats
    backend.start("tensorflow", device="cpu", threads=backend.usable_cores(), deterministic=False)
    for which in models:
        model = load_model(folder, which)
        inputs = example(model)
        expected = _outputs(model, inputs)
        for name in formats:
            path = to / name / f"{which}{SUFFIXES[name]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            difference = _written(model, folder.model_file(which), name, path, inputs, expected)
            if not difference <= TOLERANCE:
                raise RunError(f"{path} differs from Keras by {difference:.1g} of the largest output: do not use it.")
            output(f"{path}  {_size(path) / 1e6:.1f} MB, within {difference:.0e} of Keras")


def chosen(key: str, typed, known) -> list[str]:
    """The typed names, one or a list.

    Raises:
        ConfigError: one that is not known.
    """
    names = [typed] if isinstance(typed, str) or not hasattr(typed, "__iter__") else list(dict.fromkeys(typed))
    if not names or typed is None:
        raise ConfigError(f"{key}: expected one or several of {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise ConfigError(f"{key}: expected {', '.join(known)}, got '{name}'. {nearest(name, known)}")
    return names


def example(model) -> list[np.ndarray]:
    """Inputs in [0, 1] of the model's shapes, always the same."""
    rng = np.random.default_rng(0)
    return [rng.random((N_CHECKED, *i.shape[1:]), dtype=np.float32) for i in model.inputs]


def compare(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    """Largest difference of outputs, as a share of the largest output; outputs are matched by shape and value."""
    rest, worst = list(found), 0.0
    if len(rest) != len(expected):
        return float("inf")
    for wanted in expected:
        scale = max(float(np.abs(wanted).max()), 1e-6)
        gaps = [float(np.abs(wanted - f).max()) / scale if f.shape == wanted.shape else np.inf for f in rest]
        best = int(np.argmin(gaps))  # a format may give (mean, std) in another order
        worst = max(worst, gaps[best])
        rest.pop(best)
    return worst


def _written(model, source: Path, name: str, path: Path, inputs, expected) -> float:
    """Writes the model, reads it back and returns the difference; what the converters print is kept off the terminal.

    Raises:
        RunError: the model cannot be written in this format, or the file cannot be read; the converter's first line.
    """
    with open(os.devnull, "w") as quiet, redirect_stdout(quiet), held_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with atomic_file(path) as temporary:
                _write(model, source, name, temporary)
            return compare(expected, READERS[name](path)(inputs))
        except Exception as error:
            if isinstance(error, OSError) and about_disk(error):
                raise
            raise RunError(f"{path.stem} cannot be exported as {name}: {first_line(error)}") from None


def _write(model, source: Path, name: str, path: Path) -> None:
    if name == "h5":
        shutil.copyfile(source, path)  # Keras cannot save every model of several views a second time
    elif name == "keras":
        model.save(path)
    else:
        model.export(str(path), format="tf_saved_model" if name == "saved_model" else name, verbose=False)


def _read_keras(path):
    import keras

    model: Any = keras.models.load_model(path, compile=False)
    return lambda inputs: _outputs(model, inputs)


def _read_saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda inputs: _outputs(model.serve, inputs)


def _read_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def _read_litert(path):
    import tensorflow as tf

    def run_once(inputs):
        interpreter = tf.lite.Interpreter(model_path=str(path))
        slots = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
        for slot, value in zip(slots, inputs, strict=True):
            interpreter.resize_tensor_input(slot["index"], value.shape)
        interpreter.allocate_tensors()
        for slot, value in zip(slots, inputs, strict=True):
            interpreter.set_tensor(slot["index"], value)
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

    return run_once


READERS = {
    "keras": _read_keras, "h5": _read_keras, "saved_model": _read_saved_model, "onnx": _read_onnx,
    "litert": _read_litert,
}  # fmt: skip


def _outputs(model, inputs: list) -> list[np.ndarray]:
    """What the model makes of one input or several, whatever it puts its outputs into."""
    import keras

    return [np.asarray(o) for o in keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0]))]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
