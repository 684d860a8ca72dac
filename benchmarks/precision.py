"""What does bfloat16 cost in quality? Test elbo after the same training in float32 and in bfloat16.

`python benchmarks/precision.py [--epochs 5] [--seeds 0] [--network conv_v2]`

Goal: within 0.5 nats. Data from $VAELAB_DATA.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import report
from harness.turns import HERE


def test_elbo(precision: str, asked, seed: int, cwd: Path) -> tuple[float, float]:
    """(test/elbo, its standard error) of a run."""
    words = ["dataset=fashionmnist", f"model={asked.network}", f"trainer.epochs={asked.epochs}", f"seed={seed}",
             f"trainer.precision={precision}", "latent_dim=10", "plot=[]", "explorer=none", "metric=[elbo]",
             "tracking=none", f"hydra.run.dir={cwd / f'{precision}-{seed}'}"]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    subprocess.run([sys.executable, "-m", "vaelab", "train", *words], cwd=cwd, env=env, check=True)
    score = json.loads((cwd / f"{precision}-{seed}" / "metrics.json").read_text())["test/elbo"]
    return score["value"], score["se"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--network", default="conv_v2")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in asked.seeds:
            elbo = {p: test_elbo(p, asked, seed, Path(folder)) for p in ("float32", "bfloat16")}
            for precision, (value, error) in elbo.items():
                rows.append({"contender": f"vaelab {precision}, seed {seed}", "test elbo": value, "se": error,
                             "difference": value - elbo["float32"][0] if precision != "float32" else None,
                             "goal": "±0.5" if precision != "float32" else None})  # fmt: skip
    command = " ".join(["python benchmarks/precision.py", *sys.argv[1:]])
    report.save("precision", rows, command=command, value="test elbo", label="test elbo, nats per image")


if __name__ == "__main__":
    main()
