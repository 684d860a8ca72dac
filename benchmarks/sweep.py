"""What does a sweep cost besides its training? CPU seconds of the whole process tree, beside bare Keras fit.

`python benchmarks/sweep.py [--jobs 20] [--images 10000] [--epochs 5] [--only NAME ...]`

The jobs are dense nets on Fashion-MNIST, one thread each: five betas, two latent sizes, two seeds. Bare Keras fit
trains the same nets in one process, one after the other. On a machine that others use, wall-clock says little.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import common, report
from harness.turns import HERE

ENV = {**os.environ, "PYTHONPATH": str(HERE.parent)}
BETAS, LATENTS, SEEDS = (0.5, 1.0, 2.0, 4.0, 8.0), (2, 10), (0, 1)
GOALS = {"vaelab, n_jobs=2": 7, "vaelab, one run": 16}


def used(command: list[str], cwd: Path) -> tuple[float, float]:
    """(CPU seconds, wall-clock seconds) of a command with all its processes."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=ENV, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="contenders")
    asked = parser.parse_args()
    grid = list(itertools.product(BETAS, LATENTS, SEEDS))
    if asked.jobs not in (4, 8, 12, 16, 20):
        raise SystemExit(f"expected 4, 8, 12, 16 or 20 jobs (a beta has four), got {asked.jobs}.")
    betas = ",".join(map(str, BETAS[: asked.jobs // 4]))
    train = [sys.executable, "-m", "vaelab", "train", "dataset=fashionmnist", "model=dense", "trainer.threads=1",
             f"dataset.limit={asked.images}", f"trainer.epochs={asked.epochs}"]  # fmt: skip
    sweep = [*train, "-m", f"beta={betas}", "latent_dim=2,10", "seed=0,1", "sweep_name=s"]
    trainings = json.dumps([grid[: asked.jobs], asked.images, asked.epochs, str(common.start())])
    # name: (command, jobs)
    contenders = {
        "vaelab, n_jobs=2": ([*sweep, "hydra.launcher.n_jobs=2"], asked.jobs),
        "Keras fit": ([sys.executable, str(HERE / "contenders" / "keras_sweep.py"), trainings], asked.jobs),
        "vaelab, n_jobs=1": ([*sweep, "hydra.launcher.n_jobs=1"], asked.jobs),
        "vaelab, fresh processes": (
            [*sweep, "hydra.launcher.n_jobs=2", "hydra.launcher.fresh_processes=true"], asked.jobs,
        ),
        "vaelab, one run": ([*train, "latent_dim=10"], 1),
    }  # fmt: skip
    if unknown := set(asked.only or ()) - set(contenders):
        raise SystemExit(f"expected contenders among {', '.join(contenders)}, got {', '.join(unknown)}.")
    rows, bare = [], None
    for name, (command, jobs) in contenders.items():
        if asked.only and name not in asked.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall = used(command, Path(folder))
        bare = cpu / jobs if name == "Keras fit" else bare
        rows.append({"contender": name, "jobs": jobs, "CPU s/job": cpu / jobs, "wall s": wall, "goal": GOALS.get(name)})
        print(f"{name}: {cpu / jobs:.1f} CPU s a job, {wall:.0f} s of wall-clock", flush=True)
    for row in rows:
        row["of Keras fit"] = row["CPU s/job"] / bare if bare and row["jobs"] > 1 else None
    command = " ".join(["python benchmarks/sweep.py", *sys.argv[1:]])
    report.save("sweep", rows, command=command, value="CPU s/job", label="CPU time per job, s")


if __name__ == "__main__":
    main()
