"""Is the cost of n generated images linear, and memory flat when they are streamed? dense 512, 28x28.

`python benchmarks/generation.py [--images 10000 30000 100000 300000 1000000]`
"""

import argparse
import json
import os
import subprocess
import sys

from harness import common, machine, report
from harness.turns import HERE

PROGRAM = """
import json, sys, time, numpy as np
sys.path.insert(0, "contenders")
from harness.contender import Turns, peak_memory_mb
from vaelab_model import model, open_backend
S = json.loads(sys.argv[1])
cfg = open_backend(S)
from vaelab.datasets.base import Dataset, Split
from vaelab.view.latent_view import LatentView
some = Split((np.zeros((2, 28, 28, 1), np.uint8),), np.zeros(2, int))
view = LatentView(model(cfg, S), Dataset("zeros", some, some, class_names=("all",)), name="benchmark", seed=0)
rng = np.random.default_rng(0)
view.decode(rng.standard_normal((1000, 10), np.float32))
start, total = Turns._clocks(), 0.0
for first in range(0, S["images"], 10_000):  # streamed: what was decoded is reduced and dropped
    (images,) = view.decode(rng.standard_normal((min(10_000, S["images"] - first), 10), np.float32))
    total += float(images.sum())
print(json.dumps([Turns._clocks()[0] - start[0], peak_memory_mb()]))
"""


def lines(rows: list[dict]):
    """CPU time and peak memory against the number of images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    images = [row["images"] for row in rows]
    left.loglog(images, [row["CPU s"] for row in rows], "o-", color=report.BLUE, label="measured")
    last = rows[-1]["CPU s"] / images[-1]
    left.loglog(images, [last * n for n in images], "--", color=report.GREY, label="proportional", zorder=0)
    left.set_ylabel("CPU time, s")
    left.legend(frameon=False, fontsize=9)
    right.semilogx(images, [row["peak MB"] for row in rows], "o-", color=report.BLUE)
    right.set_ylim(0, 1.2 * max(row["peak MB"] for row in rows))
    right.set_ylabel("peak memory, MB")
    for axes in (left, right):
        axes.set_xlabel("generated images")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", type=int, default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    asked = parser.parse_args()
    settings = {"network": "dense", "start": str(common.start()), "threads": machine.cores(), "batch": 128}
    env = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE / 'contenders'}"}
    rows = []
    for images in asked.images:
        command = [sys.executable, "-c", PROGRAM, json.dumps(settings | {"images": images})]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=HERE)
        seconds, memory = json.loads(done.stdout.splitlines()[-1])
        rows.append({"contender": f"vaelab {images:,}", "images": images, "CPU s": seconds,
                     "CPU ms/image": 1e3 * seconds / images, "peak MB": round(memory)})  # fmt: skip
    command = " ".join(["python benchmarks/generation.py", *sys.argv[1:]])
    report.save("generation", rows, command=command, value="CPU s", label="CPU time, s", draw=lines)


if __name__ == "__main__":
    main()
