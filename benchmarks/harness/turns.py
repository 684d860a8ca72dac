"""Contenders in processes of their own, which take turns (A B C A B C ...) while the others sleep."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REST = 0.5  # seconds between turns: threads that spin for work have gone to sleep


@dataclass(frozen=True)
class Contender:
    """A program under `contenders/` with its settings.

    Attributes:
        name: as tables call it.
        program: file under contenders/, without .py.
        settings: handed over as JSON.
        python: the interpreter of its environment.
        env: more environment variables.
    """

    name: str
    program: str
    settings: dict
    python: str = sys.executable
    env: dict = field(default_factory=dict)


@dataclass
class Result:
    """What a contender told: the facts that were checked, a dict per turn (cpu_ms, wall_ms, memory_mb)."""

    name: str
    facts: dict
    turns: list[dict]

    def median(self, key: str) -> float:
        """Median over the turns."""
        return quantile([t[key] for t in self.turns], 0.5)

    def spread(self, key: str) -> float:
        """Half the distance between the quartiles, as a share of the median."""
        values = [t[key] for t in self.turns]
        return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / quantile(values, 0.5)

    @property
    def memory_mb(self) -> float:
        """Peak over the whole life of the process, imports included."""
        return max(t["memory_mb"] for t in self.turns)


class Running:
    """A started contender."""

    def __init__(self, contender: Contender, log: Path):
        self.name = contender.name
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [contender.python, HERE / "contenders" / f"{contender.program}.py", json.dumps(contender.settings)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=log.parent,
                env={**os.environ, "PYTHONPATH": str(HERE), **contender.env},
            )  # fmt: skip

    def hear(self) -> dict:
        """The next message.

        Raises:
            RuntimeError: the contender died; the message holds the end of its log.
        """
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended early:\n" + "\n".join(self._log.read_text().splitlines()[-25:]))
        return json.loads(line)

    def turn(self) -> dict:
        """Lets it work once."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self.hear()

    def stop(self):
        """Ends the process."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def compare(
    contenders: list[Contender], *, turns: int, folder: Path, tolerance: float = 2e-3, rehearsal: bool = True
) -> list[Result]:
    """Starts all, checks that their facts agree, and lets each work once unmeasured, then `turns` times in turn.

    Args:
        rehearsal: False leaves the unmeasured turn out, where the check has compiled all there is.

    Raises:
        RuntimeError: a contender died, or solves another problem than the first one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    running = []
    try:
        for contender in contenders:  # one after the other: start-up needs all cores
            running.append(Running(contender, folder / f"{contender.name.replace(' ', '_').replace('/', '_')}.log"))
            running[-1].facts = running[-1].hear()["facts"]
            _same_problem(running[0], running[-1], tolerance)
        for one in running if rehearsal else ():
            one.turn()  # compiles
        results = [Result(one.name, one.facts, []) for one in running]
        for _ in range(turns):
            for one, result in zip(running, results):
                time.sleep(REST)
                result.turns.append(one.turn())
        return results
    finally:
        for one in running:
            one.stop()


def _same_problem(first: Running, other: Running, tolerance: float) -> None:
    for name, value in first.facts.items():
        if name not in other.facts:
            continue
        pairs = zip(value, other.facts[name]) if isinstance(value, list) else [(value, other.facts[name])]
        if any(abs(a - b) > tolerance * abs(a) for a, b in pairs):
            raise RuntimeError(f"{name}: {first.name} says {value}, {other.name} says {other.facts[name]}.")


def quantile(values: list[float], q: float) -> float:
    """Linear interpolation between order statistics."""
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def paired_ratio(results: list[Result], one: str, other: str, key: str = "cpu_ms") -> tuple[float, float]:
    """Median and half the quartile distance of one/other, turn by turn: both saw the same machine."""
    by_name = {r.name: r for r in results}
    ratios = [a[key] / b[key] for a, b in zip(by_name[one].turns, by_name[other].turns)]
    return quantile(ratios, 0.5), (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2
