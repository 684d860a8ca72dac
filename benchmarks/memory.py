"""How much memory does a run on Fashion-MNIST take above `import tensorflow`?

`python benchmarks/memory.py [--network dense conv_v2]`; goal: at most 350 MB. Data from $VAELAB_DATA.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from harness import report
from harness.turns import HERE


def peak_mb(command: list[str], cwd: str) -> float:
    """Most memory a command held."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}")
    return used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", default=["dense", "conv_v2"])
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as cwd:
        base = peak_mb([sys.executable, "-c", "import tensorflow"], cwd)
        rows.append({"contender": "import tensorflow", "peak MB": round(base), "above it": None, "goal": None})
        for network in asked.network:
            words = ["dataset=fashionmnist", f"model={network}", "trainer.steps=50", "trainer.steps_per_epoch=25"]
            for name, more in (
                ("training", ["plot=[]", "explorer=none", "metric=[]", "tracking=none"]),
                ("training, elbo, MLflow", ["plot=[]", "explorer=none", "metric=[elbo]"]),
            ):
                peak = peak_mb([sys.executable, "-m", "vaelab", "train", *words, *more], cwd)
                rows.append(
                    {"contender": f"vaelab {network}: {name}", "peak MB": round(peak), "above it": round(peak - base),
                     "goal": 350}
                )  # fmt: skip
    command = " ".join(["python benchmarks/memory.py", *sys.argv[1:]])
    report.save("memory", rows, command=command, value="peak MB", label="peak memory, MB")


if __name__ == "__main__":
    main()
