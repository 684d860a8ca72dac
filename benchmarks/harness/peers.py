"""The other tools' own virtual environment, made once under benchmarks/.cache."""

import subprocess
import sys

from harness.turns import HERE

CACHE = HERE / ".cache"
TORCH = "torch==2.13.0"
# Pythae asks for exact old versions of what it does not use here, so it comes without its requirements.
NEEDS = ["numpy", "scipy", "scikit-learn", "tqdm", "pydantic>=2", "typing-extensions", "cloudpickle", "imageio"]
PYTHAE = "pythae==0.1.2"


def python() -> str:
    """The interpreter of an environment with PyTorch and Pythae."""
    folder = CACHE / "peers"
    interpreter, done = folder / "bin" / "python", folder / ".installed"
    if not done.is_file():
        print(f"making {folder} with {TORCH} and {PYTHAE} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, TORCH, *NEEDS], check=True)
        subprocess.run([*install, "--no-deps", PYTHAE], check=True)
        done.touch()
    return str(interpreter)
