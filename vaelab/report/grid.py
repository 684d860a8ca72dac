"""The jobs of a sweep as points of a grid: what was varied, which jobs are repetitions, their numbers."""

import logging
import math
import re
import shlex
from collections import Counter
from dataclasses import dataclass, field

from vaelab.config.folders import hashed
from vaelab.errors import RunError
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


@dataclass
class Point:
    """One job.

    Attributes:
        folder: its run folder.
        setting: {axis: value}, the seed left out.
        seed: its seed.
        state: of its status.
        scores: {metric: {value, se, n, ...}}.
        overrides: the words that make it.
        status: content of status.json.
    """

    folder: RunFolder
    setting: dict
    seed: int
    state: str
    scores: dict
    overrides: list[str]
    status: dict
    cfg: dict = field(repr=False)

    def value(self, metric: str) -> float | None:
        """A finite number, or None."""
        found = self.scores.get(metric, {}).get("value")
        return found if found is not None and math.isfinite(found) else None


@dataclass
class Grid:
    """All jobs.

    Attributes:
        name: of the sweep.
        axes: names of what was varied, the seed left out; the first is the horizontal one of pictures.
        points: the jobs, in the order of the grid.
        waiting: how many have not begun.
        damaged: how many cannot be read.
    """

    name: str
    axes: list[str]
    points: list[Point]
    waiting: int
    damaged: int = 0

    @property
    def done(self) -> list[Point]:
        return [p for p in self.points if p.state == "done" and p.scores]

    @property
    def x(self) -> str | None:
        """The horizontal axis of pictures."""
        return self.axes[0] if self.axes else None

    def settings(self) -> dict[tuple, list[Point]]:
        """{values of all axes: finished repetitions}, sorted."""
        found: dict[tuple, list[Point]] = {}
        for point in self.done:
            found.setdefault(tuple(point.setting[a] for a in self.axes), []).append(point)
        return dict(sorted(found.items(), key=lambda item: tuple(map(_order, item[0]))))

    def lines(self) -> dict[tuple, dict]:
        """{values of the other axes: {value of x: finished repetitions}}."""
        found: dict[tuple, dict] = {}
        for values, points in self.settings().items():
            found.setdefault(values[1:], {})[values[0] if values else None] = points
        return dict(sorted(found.items(), key=lambda item: tuple(map(_order, item[0]))))

    def metrics(self) -> list[str]:
        """Names of all metrics, the elbo first."""
        names = dict.fromkeys(name for point in self.done for name in point.scores)
        return sorted(names, key=lambda n: (not n.split("/")[-1].startswith("elbo"), n))

    def headline_metrics(self) -> list[str]:
        """The metrics a reader looks for first: elbo, the sharpest nll, active units, kNN accuracy."""
        names = [n.removeprefix("test/") for n in self.metrics() if n.startswith("test/")]
        sampled = [n for n in names if re.fullmatch(r"nll_is\d+", n)]
        best = max(sampled, key=lambda n: int(n.removeprefix("nll_is")), default=None)
        kept = [n for n in names if n.startswith(("elbo", "knn_accuracy")) or n == "active_units"]
        kept += [n for n in names if n == best or (n.startswith("nll") and not n.startswith("nll_is"))]
        return [f"test/{n}" for n in kept if not n.endswith(("_mc_error", "_ess", "_khat"))]

    def main(self) -> str | None:
        """The metric runs are compared by."""
        return next((n for n in ("test/elbo", "test/elbo_critic") if n in self.metrics()), None)

    def described(self, values: tuple, axes=None) -> str:
        """ "beta 4, latent_dim 10"."""
        axes = self.axes if axes is None else axes
        return ", ".join(f"{a.rpartition('.')[2]} {shown(v)}" for a, v in zip(axes, values)) or "all"


def read(sweep: SweepFolder) -> Grid:
    """The grid of a sweep's folder; jobs that have not begun are in it without numbers, damaged ones are named."""
    record, points, damaged = sweep.record().get("jobs") or {}, [], 0
    for folder in sweep.jobs():
        if not folder.begun:
            continue
        try:
            status, cfg, scores = folder.status(), folder.read_config(), folder.read_metrics()
            if not isinstance(cfg.get("seed"), int):
                raise RunError(f"{folder}/config.yaml: seed: expected an integer, got {cfg.get('seed')!r}.")
        except RunError as error:
            log.log(NOTE, f"a job is left out: {error}")
            damaged += 1
            continue
        known = record.get(folder.path.name) or {}
        words = [str(word) for word in known.get("overrides") or status.get("overrides") or []]
        points.append(Point(folder, {}, cfg["seed"], _state(folder, status), scores, words, status, cfg))
    chosen = [p.status.get("chosen") or {} for p in points]
    facts = [{**_facts(p.cfg), **options} for p, options in zip(points, chosen)]
    axes = varied(facts, {group for options in chosen for group in options})
    for point, fact in zip(points, facts):
        point.setting = {a: fact.get(a) for a in axes}
    return Grid(sweep.name, axes, points, waiting=len(sweep.jobs()) - len(points) - damaged, damaged=damaged)


def _state(folder, status) -> str:
    state = status.get("state") or "queued"
    return "running" if state == "queued" and folder.holder() else state


def _facts(cfg: dict) -> dict:
    """{"model.filters": 64, ...} of everything that may change a result; lists as text."""
    found = {k: v for k, v in hashed(cfg).items() if k != "optimize" and not k.endswith("_target_")}
    return {k: v if isinstance(v, str | float | int | None) else str(v) for k, v in found.items()}


def varied(facts: list[dict], groups: set[str]) -> list[str]:
    """Axes of a grid: keys whose values differ; of two that always change together only the first; beta foremost.

    Args:
        facts: {key: value} of each job, the chosen option of each group among them.
        groups: names of groups. A group's own settings count only where jobs of one option differ in them.
    """
    keys = list(dict.fromkeys(k for fact in facts for k in fact if k != "seed"))
    keys.sort(key=lambda k: (k != "beta", k != "latent_dim", k not in groups, k))
    axes: list[str] = []
    partitions = set()
    for key in keys:
        group = key.partition(".")[0]
        split: dict = {}
        for n, fact in enumerate(facts):
            option = fact.get(group) if "." in key and group in groups else None
            split.setdefault((str(option), str(fact.get(key))), []).append(n)
        if max(Counter(option for option, _ in split).values(), default=0) < 2:
            continue
        partition = frozenset(map(tuple, split.values()))
        if partition not in partitions:
            partitions.add(partition)
            axes.append(key)
    return axes


def command(point: Point) -> str:
    """What trains this job alone, outside the sweep."""
    words = [o for o in point.overrides if not o.startswith(("sweep_name=", "hydra"))]
    return shlex.join(["vaelab", "train", *words])


def shown(value) -> str:
    """A value of an axis as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _order(value) -> tuple:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, value, "") if number else (1, 0, str(value))
