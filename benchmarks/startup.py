"""How long until something happens? `vaelab --help`, `vaelab runs`, and the end of the first epoch on the digits.

`python benchmarks/startup.py [--turns 5]`; CPU seconds of the whole process, or up to the line that reports epoch 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
from harness import report
from harness.turns import HERE, quantile

VAELAB = [sys.executable, "-m", "vaelab"]
ENV = {**os.environ, "PYTHONPATH": str(HERE.parent)}
GOALS = {"vaelab --help": 0.3, "vaelab runs": 1.5, "vaelab train: first epoch": "import + 2"}


def whole(command: list[str], cwd: Path) -> float:
    """CPU seconds of a command."""
    process = subprocess.Popen(command, cwd=cwd, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}")
    return used.ru_utime + used.ru_stime


def until(command: list[str], cwd: Path, beginning: str) -> float:
    """CPU seconds until a line with that beginning is printed."""
    process = subprocess.Popen(command, cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.lstrip().startswith(beginning):
            times = psutil.Process(process.pid).cpu_times()
            process.kill()
            process.wait()
            return times.user + times.system
    raise RuntimeError(f"{' '.join(command)} ended without '{beginning}'")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        whole([*VAELAB, "train", "model=dense", "trainer=quick", "plot=[]", "explorer=none"], cwd)  # a run to list
        train = [*VAELAB, "train", "model=dense", "trainer.epochs=2"]
        questions = {
            "import tensorflow": lambda: whole([sys.executable, "-c", "import tensorflow"], cwd),
            "vaelab train: first epoch": lambda: until(train, cwd, "1/"),
            "vaelab train: first epoch, tracking=none": lambda: until([*train, "tracking=none"], cwd, "1/"),
            "vaelab runs": lambda: whole([*VAELAB, "runs"], cwd),
            "vaelab --help": lambda: whole([*VAELAB, "--help"], cwd),
        }
        seconds = {name: [] for name in questions}
        for _ in range(asked.turns):
            for name, ask in questions.items():
                seconds[name].append(ask())
    rows = [
        {"contender": name, "CPU s": quantile(s, 0.5), "fastest": min(s), "slowest": max(s), "goal": GOALS.get(name)}
        for name, s in seconds.items()
    ]
    command = " ".join(["python benchmarks/startup.py", *sys.argv[1:]])
    report.save("startup", rows, command=command, value="CPU s", label="CPU time, s")


if __name__ == "__main__":
    main()
