"""A Keras decoder as LiteRT (TensorFlow Lite) bytes, the form in which a browser can run it.

The converter belongs to TensorFlow, which vaelab always has. Where Keras runs on another backend, the decoder is saved
and converted by a process of its own: `python -m vaelab.explorer.litert decoder.h5 decoder.tflite`.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import ConfigError


class ExportError(ConfigError):
    """The decoder has something a browser cannot run."""


def convert(decoder, *, half: bool) -> bytes:
    """The decoder as LiteRT bytes: z (1, D) -> all views, flattened and joined, (1, sum of H W C).

    Args:
        decoder: functional Keras model z -> image mean, one output per view.
        half: keep weights in half precision; arithmetic stays float32.

    Raises:
        ExportError: an operation has no LiteRT counterpart, or the converter failed.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        try:
            with held_stderr():
                return _converted(decoder, half)
        except Exception as error:
            raise ExportError(_reason(str(error))) from None
    return _in_another_process(decoder, half)


def flat(decoder):
    """The same function with a batch of one and one output, whatever the number of views."""
    import keras

    z = keras.Input(decoder.input_shape[1:], batch_size=1, name="z")
    views = decoder(z)
    views = views if isinstance(views, (list, tuple)) else [views]
    pixels = [keras.layers.Flatten(name=f"pixels_{k}")(v) for k, v in enumerate(views, start=1)]
    joined = pixels[0] if len(pixels) == 1 else keras.layers.Concatenate(name="pixels")(pixels)
    return keras.Model(z, joined, name="flat_decoder")


def _converted(decoder, half):
    import keras
    import tensorflow as tf

    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}  # what else there is, no browser has
    options: dict[str, object] = {"target_spec": target}
    if half:
        target["supported_types"] = [tf.float16]
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    signature = [keras.InputSpec(shape=(1, *decoder.input_shape[1:]), dtype="float32")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "decoder.tflite")
        flat(decoder).export(str(path), format="litert", verbose=False, input_signature=signature, **options)
        return path.read_bytes()


def _in_another_process(decoder, half):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "decoder.keras"), Path(folder, "decoder.tflite")
        decoder.save(source)
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
    return f"LiteRT cannot run this decoder in a browser ({told})."


@contextmanager
def held_stderr():
    """Keeps the converter's native log lines off the terminal; what it has to say is in its exception."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


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
