"""How long does the t-SNE of 60,000 x 10 codes take? openTSNE (the extra) against scikit-learn.

`python benchmarks/tsne.py [--points 2000 10000 60000]`; goal: at most a third. Minutes to an hour for the largest.
"""

import argparse
import json
import os
import subprocess
import sys

from harness import report
from harness.turns import HERE

PROGRAM = """
import json, resource, sys, numpy as np
from vaelab.view.projections import tsne
n, engine = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
codes = rng.standard_normal((n, 10)) * 0.4 + rng.standard_normal((10, 10))[rng.integers(10, size=n)]
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before = used()
tsne(codes, 2, 0, engine=engine, perplexity=30, iterations=1000)
print(json.dumps(used() - before))
"""


def cpu_seconds(points: int, engine: str) -> float:
    """CPU time of one map of ten clusters of codes."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-c", PROGRAM, str(points), engine]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", nargs="+", type=int, default=[2_000, 10_000, 60_000])
    asked = parser.parse_args()
    rows = []
    for points in asked.points:
        seconds = {engine: cpu_seconds(points, engine) for engine in ("opentsne", "scikit-learn")}
        for engine, value in seconds.items():
            ratio = value / seconds["scikit-learn"] if engine == "opentsne" else None
            name = "vaelab, engine=opentsne" if engine == "opentsne" else engine
            rows.append({"points": f"{points:,} points", "contender": name, "CPU s": value, "ratio": ratio,
                         "goal": 1 / 3 if ratio and points == 60_000 else None})  # fmt: skip
    command = " ".join(["python benchmarks/tsne.py", *sys.argv[1:]])
    report.save("tsne", rows, command=command, value="CPU s", label="CPU time, s", group="points")


if __name__ == "__main__":
    main()
