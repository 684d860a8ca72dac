"""The common start of all contenders, made once, and the contenders themselves."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from harness import machine, peers
from harness.turns import HERE, Contender

CACHE = HERE / ".cache"


def start() -> Path:
    """Folder with images, initial weights and noise. Images come from $VAELAB_DATA, else from the network."""
    folder = CACHE / "start"
    if not (folder / "noise.npy").is_file():
        program = [sys.executable, HERE / "contenders" / "start.py", folder, os.environ.get("VAELAB_DATA", "")]
        subprocess.run(program, check=True, env={**os.environ, "PYTHONPATH": str(HERE)})
    return folder


def training(network: str, *, steps: int, batch: int, threads: int, names: list[str] | None) -> list[Contender]:
    """Everyone who trains, on the same images and with as many threads; `names` selects."""
    device = "cuda" if machine.gpu_name() else "cpu"
    common = {"network": network, "batch": batch, "images": steps * batch, "start": str(start()),
              "threads": threads, "device": device}  # fmt: skip
    torch = peers.python()
    bfloat16 = machine.has_bfloat16() or device == "cuda"
    # (name, program, further settings, whether it can run here, interpreter)
    known = [
        ("vaelab", "vaelab_training", {"backend": "tensorflow", "precision": "float32"}, True, sys.executable),
        (
            "vaelab bfloat16",
            "vaelab_training",
            {"backend": "tensorflow", "precision": "bfloat16"},
            bfloat16,
            sys.executable,
        ),
        ("vaelab jax", "vaelab_training", {"backend": "jax", "precision": "float32"}, _has("jax"), sys.executable),
        ("Keras fit", "keras_training", {"backend": "tensorflow", "own_threads": False}, True, sys.executable),
        (
            "Keras fit, its own threads",
            "keras_training",
            {"backend": "tensorflow", "own_threads": True},
            True,
            sys.executable,
        ),
        ("PyTorch by hand", "torch_training", {}, True, torch),
        ("Pythae", "pythae_training", {}, True, torch),
    ]
    unknown = [name for name in names or () if name not in [k[0] for k in known]]
    if unknown or (names is not None and "vaelab" not in names):
        there = ", ".join(repr(k[0]) for k in known)
        raise SystemExit(f"expected contenders, vaelab among them, got {names}; there are {there}.")
    chosen = [k for k in known if names is None or k[0] in names]
    for name, *_, possible, _ in chosen:
        if not possible:
            print(f"left out here: {name}")
    return [
        Contender(name, program, common | more, python) for name, program, more, possible, python in chosen if possible
    ]


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
