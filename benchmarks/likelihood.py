"""How much processor time does -log p(x) by 500 importance samples cost? vaelab's nll against Pythae's get_nll.

`python benchmarks/likelihood.py [--turns 5] [--images 1000] [--network dense conv_v2] [--threads 2]`
"""

import argparse
import sys

from harness import common, machine, peers, report
from harness.turns import Contender, compare, paired_ratio

SAMPLES = 500
CHECKED = 20  # images on which the two must agree before anything is timed
GOALS = {"conv_v2": 0.55, "dense": 0.35}


def measure(network: str, *, images: int, turns: int, threads: int) -> list[dict]:
    """A row per contender."""
    settings = {"network": network, "images": images, "samples": SAMPLES, "start": str(common.start()),
                "threads": threads, "batch": 128, "checked": CHECKED}  # fmt: skip
    contenders = [
        Contender("vaelab", "vaelab_nll", settings),
        Contender("Pythae", "pythae_nll", settings, peers.python()),
    ]
    results = compare(contenders, turns=turns, folder=common.CACHE / "logs" / f"nll-{network}", rehearsal=False)
    rows = []
    for result in results:
        other = result.name != "vaelab"
        rows.append({
            "network": network, "contender": result.name, "threads": threads, "nll": result.facts["nll"],
            "CPU ms/image": result.median("cpu_ms"), "spread": result.spread("cpu_ms"),
            "wall ms/image": result.median("wall_ms"), "peak MB": round(result.memory_mb),
            "vaelab / it": paired_ratio(results, "vaelab", result.name)[0] if other else None,
            "goal": GOALS[network] if other else None,
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--network", nargs="+", default=["conv_v2", "dense"], choices=list(GOALS))
    parser.add_argument("--threads", type=int, default=machine.cores())
    asked = parser.parse_args()
    sizes = {"images": asked.images, "turns": asked.turns, "threads": asked.threads}
    rows = [row for network in asked.network for row in measure(network, **sizes)]
    command = " ".join(["python benchmarks/likelihood.py", *sys.argv[1:]])
    label = f"CPU time per image, {SAMPLES} samples, ms"
    report.save("likelihood", rows, command=command, value="CPU ms/image", label=label, group="network")


if __name__ == "__main__":
    main()
