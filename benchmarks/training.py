"""How much processor time does an image cost in training? vaelab, bare Keras fit, PyTorch by hand, Pythae.

On a GPU the ratios are those of the wall-clock, for there the processor only waits.

"matrix products alone" does as many operations as the network needs, as products of square matrices: the limit.

`python benchmarks/training.py [--turns 7] [--network dense conv_v2] [--batch 128] [--only NAME ...] [--threads 2]`

On a machine that other people use, `--threads 1` is fairer: threads that wait for each other burn processor time.
"""

import argparse
import sys

from harness import common, machine, report
from harness.turns import Contender, compare, paired_ratio

STEPS = {"dense": 150, "conv_v2": 20}
# Operations of forward and backward pass per image: 6 per weight and position, 4 where x needs no gradient.
FLOP = {
    "dense": 4 * 784 * 512 + 6 * (512 * 20 + 10 * 512 + 512 * 784),
    "conv_v2": 4 * 784 * 9 * 64
    + 6 * (196 * 9 * 64**2 + 3136 * 128 + 128 * 20 + 10 * 3136 + 49 * 9 * 64**2 + 196 * 9 * 64**2 + 784 * 9 * 64),
}
LIMIT = "matrix products alone"
GOALS = {
    ("conv_v2", "PyTorch by hand"): 0.75, ("conv_v2", "Pythae"): 0.5, ("conv_v2", "Keras fit"): 1.0,
    ("dense", "Keras fit, its own threads"): 0.85, ("dense", "Pythae"): 0.55,
}  # fmt: skip


def measure(network: str, *, batch: int, turns: int, steps: int, threads: int, names=None) -> list[dict]:
    """A row per contender: medians per image, spread, memory, and vaelab's CPU time as a share of theirs."""
    contenders = common.training(network, steps=steps, batch=batch, threads=threads, names=names)
    limit = contenders[0].settings | {"flop": FLOP[network], "precision": "float32"}
    contenders.append(Contender(LIMIT, "matrix_products", limit))
    if any(c.settings.get("precision") == "bfloat16" for c in contenders):
        contenders.append(Contender(f"{LIMIT}, bfloat16", "matrix_products", limit | {"precision": "bfloat16"}))
    results = compare(contenders, turns=turns, folder=common.CACHE / "logs" / f"training-{network}-{batch}")
    clock = "wall_ms" if machine.gpu_name() else "cpu_ms"
    limits = {r.name: r.median(clock) for r in results if r.name.startswith(LIMIT)}
    rows = []
    for result in results:
        limit = limits.get(f"{LIMIT}, bfloat16") if "bfloat16" in result.name else limits[LIMIT]
        ratio = paired_ratio(results, "vaelab", result.name, clock)[0] if result.name != "vaelab" else None
        wall = result.median("wall_ms")
        rows.append({
            "network": f"{network}, batch {batch}", "contender": result.name, "threads": threads,
            "CPU ms/image": result.median("cpu_ms"),
            "spread": result.spread("cpu_ms"), "wall ms/image": wall, "images/s": round(1e3 / wall),
            "peak MB": round(result.memory_mb), "vaelab / it": ratio,
            "share of limit": limit / result.median(clock),
            "goal": GOALS.get((network, result.name)) if batch == 128 else None,
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--network", nargs="+", default=["conv_v2", "dense"], choices=list(STEPS))
    parser.add_argument("--batch", nargs="+", type=int, default=[128, 4096] if machine.gpu_name() else [128])
    parser.add_argument("--only", nargs="+", help="contenders, vaelab among them")
    parser.add_argument("--threads", type=int, default=machine.cores())
    asked = parser.parse_args()
    rows = []
    for network in asked.network:
        for batch in asked.batch:
            steps = max(4, STEPS[network] * 128 // batch)
            rows += measure(
                network, batch=batch, turns=asked.turns, steps=steps, threads=asked.threads, names=asked.only
            )
    command = " ".join(["python benchmarks/training.py", *sys.argv[1:]])
    report.save(
        "training", rows, command=command, value="CPU ms/image", label="CPU time per image, ms", group="network"
    )


if __name__ == "__main__":
    main()
