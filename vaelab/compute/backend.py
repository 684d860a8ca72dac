"""Starts Keras on the chosen backend, quietly, with threads, device and determinism as configured."""

import os
import sys
import tempfile
from contextlib import contextmanager, suppress

from vaelab.errors import ConfigError

# Start-up lines of native libraries that tell a user nothing. Every other line is shown.
UNINFORMATIVE = (
    "port.cc",
    "All log messages before absl::InitializeLog",
    "cpu_feature_guard",
    "To enable the following instructions",
    "rebuild TensorFlow with the appropriate compiler flags",
    "Could not find cuda drivers on your machine",
    "failed call to cuInit",
    "INTERNAL: CUDA Runtime error",
    "CUDA error: Failed call to cuInit",
    "Unable to register cu",
    "computation_placer already registered",
    "oneDNN custom operations are on",
)


@contextmanager
def quiet_stderr():
    """Holds back file descriptor 2 while native libraries load, then shows every line that is not `UNINFORMATIVE`."""
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if line.strip() and not any(part in line for part in UNINFORMATIVE):
                    print(line, file=sys.stderr)


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def threads_of_process(backend: str) -> int | None:
    """Threads inside one operation that this process has settled on, None before it did."""
    if backend == "tensorflow" and "tensorflow" in sys.modules:
        import tensorflow as tf

        with quiet_stderr():  # looks for devices
            return tf.config.threading.get_intra_op_parallelism_threads() or None
    return None


def start(backend: str, *, device: str, threads: int, deterministic: bool, exactly: bool = False):
    """Imports Keras on `backend` and returns the module. A process keeps its first backend and threads.

    Args:
        backend: tensorflow | jax | torch.
        device: "auto" or "cpu".
        threads: threads inside one operation. Sums depend on it, so it is part of a run's record.
        deterministic: on CPU, run one operation at a time: identical commands then give identical weights.
        exactly: refuse where the process keeps other threads: what is trained would not be what is recorded.

    Raises:
        ConfigError: the backend is not installed, or this process already computes in another way.
    """
    _prepare_import(backend, device, threads)
    if "keras" in sys.modules:
        import keras

        if keras.backend.backend() != backend:
            raise ConfigError(
                f"backend={backend}: this process already runs Keras on {keras.backend.backend()}. Start a new one "
                "(in a notebook: restart the kernel)."
            )
    os.environ["KERAS_BACKEND"] = backend
    try:
        with quiet_stderr():
            _configure(backend, threads, deterministic, exactly)
            import keras

            if backend != "tensorflow":
                _leave_tensorflow_out(keras)
    except ImportError as error:
        raise ConfigError(
            f'backend={backend} needs {error.name or backend}: pip install "vaelab[{backend}]".'
        ) from None
    return keras


def _leave_tensorflow_out(keras) -> None:
    """Keras on another backend asks once whether TensorFlow is there by importing it: 5 CPU seconds for nothing.

    It is told no. What needs TensorFlow imports it all the same.
    """
    missing = "tensorflow" not in sys.modules
    if missing:
        sys.modules["tensorflow"] = None  # pyright: ignore[reportArgumentType]  # Python's sign of what cannot be had
    try:
        keras.utils.set_random_seed(0)  # asks
    finally:
        if missing:
            del sys.modules["tensorflow"]


def preload(backend: str, *, device: str, threads: int) -> None:
    """Imports Keras on a backend and stops there: what is forked from this process can still `start` as it likes."""
    import importlib

    _prepare_import(backend, device, threads)
    os.environ["KERAS_BACKEND"] = backend
    with quiet_stderr():
        for name in (backend, "keras"):
            importlib.import_module(name)


def _prepare_import(backend: str, device: str, threads: int) -> None:
    """What native libraries read of the environment when they are loaded."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if backend == "jax":
        os.environ["XLA_FLAGS"] = xla_flags(threads, os.environ.get("XLA_FLAGS", ""))


def xla_flags(threads: int, given: str = "") -> str:
    """What JAX's compiler is told, after what the user tells it.

    From jaxlib 0.10.2 on it hands sums on a CPU to YNNPACK, and where a product of matrices comes before, the compiled
    result can be wrong without a word (issue 39103 of jax-ml/jax), so it is told not to.
    """
    from importlib.metadata import PackageNotFoundError, version

    wanted = [f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"]
    with suppress(PackageNotFoundError, ValueError):  # start tells what is not installed
        if tuple(int(part) for part in version("jaxlib").split(".")[:3]) >= (0, 10, 2):
            wanted.append("--xla_cpu_experimental_ynn_fusion_type=-reduce")
    return " ".join([given, *(flag for flag in wanted if flag.partition("=")[0] not in given)]).strip()


def _configure(backend: str, threads: int, deterministic: bool, exactly: bool) -> None:
    """Threads and memory growth must be set before the first operation of a process; later calls change nothing."""
    if backend == "tensorflow":
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        if deterministic:
            os.environ["TF_NUM_INTEROP_THREADS"] = "1"
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            if deterministic:
                tf.config.threading.set_inter_op_parallelism_threads(1)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
            if deterministic and tf.config.list_physical_devices("GPU"):
                tf.config.experimental.enable_op_determinism()
        except RuntimeError:  # already initialised, with other numbers
            if exactly:
                _refuse_other_threads(threads, deterministic)
        tf.constant(0.0)  # the first device use prints its own lines
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=True)
    else:
        import jax

        jax.devices()


def _refuse_other_threads(threads: int, deterministic: bool) -> None:
    """ConfigError where TensorFlow does not compute as it is asked to."""
    import tensorflow as tf

    here = tf.config.threading.get_intra_op_parallelism_threads() or usable_cores()
    in_order = tf.config.threading.get_inter_op_parallelism_threads() == 1
    if here == threads and (in_order or not deterministic):
        return
    way = f"trainer.threads={here}" + ("" if in_order else " trainer.deterministic=false")
    raise ConfigError(
        f"trainer.threads={threads} trainer.deterministic={str(deterministic).lower()}: this process already computes "
        f"with {way}, and a process keeps that. Start a new one (in a notebook: restart the kernel), or ask for {way}."
    )


def device_name() -> str:
    """The device that trains: "cpu", or the GPU's name as the backend tells it."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu") if gpus else "cpu"
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
