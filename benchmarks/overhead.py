"""What do checkpoint, history, MLflow and progress cost on top of training? As a share of bare Keras fit.

`python benchmarks/overhead.py [--turns 5] [--images 54000] [--threads 2]`; goal: at most 0.03.
"""

import argparse
import sys

from harness import common, machine, report
from harness.turns import Contender, compare, quantile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--images", type=int, default=54_000, help="an epoch of Fashion-MNIST by default")
    parser.add_argument("--threads", type=int, default=machine.cores())
    asked = parser.parse_args()
    sizes = {"steps": asked.images // 128, "batch": 128, "threads": asked.threads}
    bare, keras = common.training("dense", **sizes, names=["vaelab", "Keras fit"])
    whole = Contender("vaelab, all of it", "vaelab_whole", bare.settings)
    results = compare([bare, whole, keras], turns=asked.turns, folder=common.CACHE / "logs" / "overhead")
    turns = {r.name: [t["cpu_ms"] for t in r.turns] for r in results}
    shares = [(a - b) / k for a, b, k in zip(turns[whole.name], turns[bare.name], turns[keras.name])]
    rows = [
        {
            "contender": r.name, "CPU ms/image": r.median("cpu_ms"), "spread": r.spread("cpu_ms"),
            "extra / Keras fit": quantile(shares, 0.5) if r.name == whole.name else None,
            "goal": 0.03 if r.name == whole.name else None,
        }
        for r in results
    ]  # fmt: skip
    command = " ".join(["python benchmarks/overhead.py", *sys.argv[1:]])
    report.save("overhead", rows, command=command, value="CPU ms/image", label="CPU time per image, ms")


if __name__ == "__main__":
    main()
