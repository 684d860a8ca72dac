"""What a sweep found and what it cannot say, and how it was made, in sentences."""

import re

from vaelab.report.grid import Grid
from vaelab.report.statistics import LEVEL, pareto

PACKAGES = ("vaelab", "keras", "tensorflow", "jax", "torch", "numpy")


def summary(grid: Grid, findings) -> str:
    """One paragraph: the best setting, what differs from it beyond noise, rate and distortion, what is open."""
    if findings.best is None:
        return ""
    metric = findings.metric.removeprefix("test/").replace("_", " ")
    best = findings.best_mean
    half = f" ± {best.half:.2g}" if best.half is not None else ""
    many = len(grid.settings())
    value = f"{best.mean:,.2f}{half} nats per image."
    named = f"Of {many} settings, {grid.described(findings.best)} has the highest {metric}: {value}"
    said = [named if many > 1 else f"The {metric} is {value}"]
    others = findings.differences
    if others and findings.n_seeds > 1:
        real = [d for d in others if d.real]
        rest = [grid.described(d.setting) for d in others if not d.real]
        said.append(
            f"{len(real)} of the {len(others)} others are worse by more than seeds explain"
            + (f"; {_joined(rest)} cannot be told from it." if rest else ".")
        )
    if findings.smallest is not None:
        said.append(f"The smallest latent_dim that cannot be told from it is {findings.smallest}.")
    if (front := _front(grid)) is not None:
        on, all_of = front
        rest = {0: "", 1: "; the other one has more of both than some setting"}
        others = f"; the other {all_of - len(on)} have more of both than some setting"
        said.append(f"On the Pareto front of rate and distortion: {_joined(on)}{rest.get(all_of - len(on), others)}.")
    said += _open(grid, findings)
    return " ".join(said)


def _front(grid: Grid) -> tuple[list[str], int] | None:
    """(settings on the front, how many settings have a rate and a distortion)."""
    means = {}
    for setting, points in grid.settings().items():
        pairs = [(p.value("test/rate"), p.value("test/distortion")) for p in points]
        if all(None not in pair for pair in pairs):
            means[setting] = tuple(sum(values) / len(pairs) for values in zip(*pairs))
    if len(means) < 2:
        return None
    settings = list(means)
    return [grid.described(settings[k]) for k in sorted(pareto(list(means.values())))], len(means)


def _open(grid: Grid, findings) -> list[str]:
    """What it cannot say."""
    said = []
    if findings.n_seeds < 2 and findings.differences:
        said.append("With one seed common to all settings it cannot say which differences are noise (seed=0,1,2).")
    elif findings.differences:
        said.append(
            f"{findings.n_seeds} seeds tell differences apart at {LEVEL:.0%} for the whole sweep; smaller ones it does "
            "not exclude."
        )
    kinds = {s.get("data") for p in grid.done for s in p.scores.values()}
    models = {(p.status.get("chosen") or {}).get("likelihood") for p in grid.done}
    if "grey" in kinds and models == {"bernoulli"}:
        said.append("A Bernoulli on grey pixels is a cross-entropy: its elbo is no likelihood to compare with others'.")
    if missing := sum(p.state in ("failed", "killed") for p in grid.points) + grid.waiting + grid.damaged:
        jobs = "1 job has" if missing == 1 else f"{missing} jobs have"
        said.append(f"{jobs} no result, and nothing is said about what they would have shown.")
    return said


def methods(grid: Grid, environments: list[str]) -> str:
    """A paragraph to paste into a paper: data, model, training, seeds, versions.

    Args:
        environments: content of environment.txt of the jobs that have one.
    """
    if not grid.done:
        return ""
    first = grid.done[0]
    same = lambda values: next(iter(values)) if len(values) == 1 else None  # noqa: E731
    chosen = {g: same({(p.status.get("chosen") or {}).get(g) for p in grid.done}) for g in
              ("dataset", "model", "objective", "posterior", "likelihood", "prior")}  # fmt: skip
    numbers = {n for p in grid.done for s in p.scores.values() if (n := s.get("n"))}
    profile = first.status.get("dataset") or {}
    digest = same({(p.status.get("dataset") or {}).get("digest") for p in grid.done})
    seeds = sorted({p.seed for p in grid.done})
    epochs = same({p.status.get("epochs") for p in grid.done})
    said = [
        f"Data: {chosen['dataset'] or profile.get('name') or 'several sets'}"
        + (f" (checksum {digest})" if digest else "")
        + (f", results on {max(numbers):,} test images." if numbers else ".")
    ]
    parts = [f"{group} {name}" for group, name in chosen.items() if name and group != "dataset"]
    said.append(f"Models: {', '.join(parts)}; varied: {', '.join(grid.axes) or 'nothing'}." if parts else "")
    said.append(f"Training: {epochs} epochs." if epochs else "")
    compared = " Means have 95 % intervals (Student's t); settings are compared in pairs of one seed (Tukey's range)."
    said.append(f"Seeds: {', '.join(map(str, seeds))}.{compared if len(seeds) > 1 else ''}")
    if versions := _versions(environments):
        said.append(f"Versions: {versions}.")
    return " ".join(s for s in said if s)


def _versions(environments: list[str]) -> str:
    """ "Python 3.11.7, vaelab 0.1.0, keras 3.12.0" of all jobs, those that differ with every version."""
    found: dict[str, dict] = {}
    for text in environments:
        if python := re.search(r"^python (\S+)$", text, re.MULTILINE):
            found.setdefault("Python", {})[python[1]] = None
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE):
            if name.lower() in PACKAGES:
                found.setdefault(name.lower(), {})[version] = None
    order = ["Python", *PACKAGES]
    return ", ".join(f"{name} {' or '.join(found[name])}" for name in order if name in found)


def _joined(names: list[str], most: int = 4) -> str:
    """ "a, b and c", or "a, b, c, d and 3 more"."""
    if len(names) > most + 1:
        return f"{'; '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])} and {names[-1]}"
