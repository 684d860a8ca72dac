"""A Keras model as LiteRT (TensorFlow Lite) bytes, the form in which a browser can run it.

The converter belongs to TensorFlow, which vaelab always has. Where Keras runs on another backend, the model is saved
and converted by a process of its own: `python -m vaelab.explorer.litert model.keras model.tflite`.
"""

import itertools
import logging
import math
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from vaelab.errors import ConfigError


class ExportError(ConfigError):
    """The model has something a browser cannot run."""


def convert(model, *, half: bool) -> bytes:
    """The model as LiteRT bytes: its inputs, flattened and joined, (1, n) -> its outputs, flattened and joined.

    Args:
        model: functional Keras model; of a decoder z [and the condition] -> image mean of each view.
        half: keep weights in half precision; arithmetic stays float32.

    Raises:
        ExportError: an operation has no LiteRT counterpart, or the converter failed.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        try:
            with held_stderr():
                return _converted(model, half)
        except Exception as error:
            raise ExportError(_reason(str(error))) from None
    return _in_another_process(model, half)


def flat(model):
    """The same function with a batch of one, one input and one output: all of them flattened and joined."""
    import keras

    sizes = [math.prod(i.shape[1:]) for i in model.inputs]
    joined = keras.Input((sum(sizes),), batch_size=1, name="joined")
    parts = []
    for given, size, end in zip(model.inputs, sizes, itertools.accumulate(sizes)):
        part = joined if size == sum(sizes) else joined[:, end - size : end]
        parts.append(keras.layers.Reshape(given.shape[1:])(part))
    outputs = _possible(model)(parts if len(parts) > 1 else parts[0])
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    pixels = [keras.layers.Flatten()(y) for y in outputs]
    return keras.Model(joined, pixels[0] if len(pixels) == 1 else keras.layers.Concatenate()(pixels), name="flat")


def _possible(model) -> Any:
    """The model with what LiteRT lacks said in other words: softplus(x) = max(x, 0) + log(1 + exp(-|x|))."""
    import keras
    from keras import ops

    class Softplus(keras.Operation):
        def call(self, x):
            return ops.relu(x) + ops.log(1.0 + ops.exp(-ops.abs(x)))

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    others = {"Softplus": Softplus}

    def called(operation, *arguments, **more):
        said = others.get(type(operation).__name__)  # under the operation's own name: another may be taken
        return (operation if said is None else said(name=operation.name))(*arguments, **more)

    if not any(type(operation).__name__ in others for operation in model.operations):
        return model
    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=called)


def _converted(model, half):
    """Traced once, its weights as constants: Keras's own export writes a SavedModel on the way, twice the work."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    joined = flat(model)
    traced = tf.function(lambda x: joined(x, training=False), autograph=False)
    constant = convert_variables_to_constants_v2(traced.get_concrete_function(tf.TensorSpec(joined.input_shape)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([constant])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]  # what else there is, no browser has
    if half:
        converter.target_spec.supported_types = [tf.float16]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return _nameless(converter.convert())


def _nameless(model: bytes) -> bytes:
    """Tensors without their names, in the order in which they are used: names count what a process has built before,
    and the converter sorts by them. The same model, the same bytes."""
    from tensorflow.lite.tools import flatbuffer_utils

    content: Any = flatbuffer_utils.convert_bytearray_to_object(model)
    flatbuffer_utils.strip_strings(content)
    (graph,) = content.subgraphs
    used = [graph.inputs, *(part for step in graph.operators for part in (step.inputs, step.outputs)), graph.outputs]
    order = list(dict.fromkeys(int(t) for part in [*used, range(len(graph.tensors))] for t in part if t >= 0))
    place = {tensor: k for k, tensor in enumerate(order)} | {-1: -1}  # -1: an input that is left out

    def moved(tensors):
        return [place[int(t)] for t in tensors]

    graph.tensors = [graph.tensors[tensor] for tensor in order]
    graph.inputs, graph.outputs = moved(graph.inputs), moved(graph.outputs)
    for step in graph.operators:
        step.inputs, step.outputs = moved(step.inputs), moved(step.outputs)
    for signature in content.signatureDefs or ():
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = place[end.tensorIndex]
    content.metadata = None  # how it was converted, which nothing reads
    buffers = list(dict.fromkeys([0, *(tensor.buffer for tensor in graph.tensors)]))
    content.buffers = [content.buffers[buffer] for buffer in buffers]
    for tensor in graph.tensors:
        tensor.buffer = buffers.index(tensor.buffer)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(content))


def _in_another_process(model, half):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.keras"), Path(folder, "model.tflite")
        model.save(source)
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
        root = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
        words = [sys.executable, "-m", "vaelab.explorer.litert", str(source), str(target), *(["half"] if half else [])]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        if done.returncode or not target.is_file():
            raise ExportError(_reason(done.stderr.strip().rpartition("vaelab: ")[2]))
        return target.read_bytes()


def _reason(text: str) -> str:
    """The converter's many lines as one sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if "not supported" in line or "failed to" in line or "Error" in line), None)
    told = (told or (lines[0] if lines else "no reason given"))[:200].rstrip(". ")
    return f"LiteRT cannot run this model in a browser ({told})."


@contextmanager
def held_stderr():
    """Keeps the converter's log lines, native and Python's, off the terminal; what it says is in its exception."""
    sys.stderr.flush()
    log = logging.getLogger("absl")
    with ExitStack() as after:
        after.callback(log.setLevel, log.level)
        log.setLevel(logging.ERROR)
        with suppress(OSError):  # no standard error at all
            saved = os.dup(2)
            after.callback(os.close, saved)
            after.callback(os.dup2, saved, 2)
            os.dup2(after.enter_context(tempfile.TemporaryFile()).fileno(), 2)
        yield


def _main(source: str, target: str, *words: str) -> int:
    import keras

    try:
        Path(target).write_bytes(convert(keras.models.load_model(source, compile=False), half="half" in words))
    except ConfigError as error:
        print(f"vaelab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
