"""The report as one HTML page: nothing is fetched, every picture is inside; page.html.j2 is what it says."""

import base64
import hashlib
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from vaelab.errors import RunError
from vaelab.report.grid import Grid, command, shown
from vaelab.report.statistics import interval
from vaelab.report.words import methods, summary


def html(grid: Grid, sweep, *, findings, rate_distortion, curves, tiles, classes, names, latex) -> str:
    """The page; the template engine escapes every value.

    Args:
        grid: the jobs.
        sweep: its `SweepFolder`.
        findings: what the comparison says.
        rate_distortion, curves: {name: PNG}.
        tiles: {kind: {setting: PNG}}.
        classes: {class: colour} of the pictures of codes.
        names: metrics of the table of settings.
        latex: that table for a paper.
    """
    script = (Path(__file__).parent / "sort.js").read_text(encoding="utf-8")
    engine = Environment(
        loader=PackageLoader("vaelab.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    engine.filters |= {"shown": shown, "encoded": lambda png: base64.b64encode(png).decode()}
    return engine.get_template("page.html.j2").render(
        grid=grid,
        findings=findings,
        counts=counts(grid),
        facts=facts(grid),
        varied=[*grid.axes, *(["seed"] if len({p.seed for p in grid.points}) > 1 else [])],
        written=time.strftime("%Y-%m-%d %H:%M"),
        command=sweep.record().get("command") or "",
        rate_distortion=rate_distortion,
        curves=curves,
        tiles={kind: (cells, arranged(grid, kind, cells)) for kind, cells in tiles.items() if cells},
        classes=classes,
        names=names,
        images=images(grid, names),
        heat=heat(grid, names),
        links={p.folder.path.name: links(p) for p in grid.points},
        summary=summary(grid, findings),
        methods=methods(grid, [text for p in grid.done if (text := environment(p))]),
        latex=latex,
        script=script,
        digest="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        mean=mean,
        main=grid.main(),
        commands="\n".join(command(point) for point in grid.points),
    )


def table_metrics(grid: Grid) -> list[str]:
    """The metrics of the table of settings: the headline ones and both terms of the ELBO."""
    terms = [f"test/{n}" for n in ("distortion", "rate", "rate_critic")]
    return [*grid.headline_metrics(), *(n for n in terms if n in grid.metrics())]


def heat(grid: Grid, names: list[str]) -> dict[str, dict[tuple, int]]:
    """{metric: {setting: 0 for its lowest mean to 100 for its highest}}; {} for one that is the same everywhere."""
    found = {}
    for name in names:
        values = {s: [v for p in points if (v := p.value(name)) is not None] for s, points in grid.settings().items()}
        means = {s: sum(v) / len(v) for s, v in values.items() if v}
        low, high = (min(means.values()), max(means.values())) if means else (0.0, 0.0)
        found[name] = {s: round(100 * (m - low) / (high - low)) for s, m in means.items()} if high > low else {}
    return found


def links(point) -> list[tuple[str, str]]:
    """[(what, address from the report)] of what a job's folder has to look at."""
    folder, base = point.folder, quote(point.folder.path.name) + "/"
    found = [("pictures", base + "figures/")] if (folder.path / "figures").is_dir() else []
    return found + ([("explorer", base + "explorer.html")] if folder.explorer_file.is_file() else [])


def environment(point) -> str:
    """Content of a job's environment.txt, "" where it has none."""
    try:
        return point.folder.read_environment()
    except (OSError, RunError):
        return ""


def counts(grid: Grid) -> str:
    """How many jobs there are, and how far they are."""
    states = [p.state for p in grid.points]
    told = [f"{states.count(s)} {s}" for s in dict.fromkeys(states)]
    told += [f"{n} {what}" for n, what in ((grid.waiting, "not begun"), (grid.damaged, "damaged")) if n]
    return f"{len(states) + grid.waiting + grid.damaged} jobs: {', '.join(told)}"


def facts(grid: Grid) -> str:
    """What all jobs trained on."""
    found = []
    for key in ("dataset", "model", "objective", "posterior", "likelihood"):
        values = {(p.status.get("chosen") or {}).get(key) for p in grid.points}
        if len(values) == 1 and None not in values:
            found.append(f"{key} {values.pop()}")
    kinds = {s.get("data") for p in grid.done for s in p.scores.values()} - {None}
    return "; ".join([*found, *(f"{kind} images" for kind in sorted(kinds))])


def arranged(grid: Grid, kind: str, cells: dict) -> dict:
    """The settings of a table of pictures: the first axis downwards, the others across (of codes the other way round
    where that is wider than high); of one axis only side by side, five at most.

    Returns:
        {"top": headings of the columns, "rows": (heading, the settings) of each, "alone": whether it is one axis only}.
    """
    xs = list(dict.fromkeys(s[0] if s else None for s in cells))
    lines = list(dict.fromkeys(s[1:] for s in cells))
    if grid.x is not None and len(lines) == 1 and len(xs) > 1:
        settings = [(x, *lines[0]) for x in xs]
        return {"top": [], "rows": [("", settings[k : k + 5]) for k in range(0, len(xs), 5)], "alone": True}
    downwards: list[tuple[Any, str]] = [(x, grid.described((x,), grid.axes[:1]) if grid.x else "") for x in xs]
    across: list[tuple[Any, str]] = [(line, grid.described(line, grid.axes[1:]) if line else "") for line in lines]
    turned = kind == "codes" and len(lines) < len(xs) <= 6  # squares: the longer side across
    if turned:
        downwards, across = across, downwards
    rows = []
    for first, name in downwards:
        pairs = [(second, first) if turned else (first, second) for second, _ in across]
        rows.append((name, [(x, *line) if grid.x else () for x, line in pairs]))
    return {"top": [name for _, name in across], "rows": rows, "alone": False}


def images(grid: Grid, names: list[str]) -> str:
    """On how many test images the numbers rest."""
    found: dict[int, list[str]] = {}
    for name in names:
        for n in {p.scores[name].get("n") for p in grid.done if name in p.scores} - {None}:
            found.setdefault(n, []).append(name.removeprefix("test/"))
    if len(found) == 1:
        return f"All on {next(iter(found)):,} test images."
    return " ".join(f"{', '.join(called)}: on {n:,} test images." for n, called in sorted(found.items()))


def mean(points, metric: str) -> str:
    """A metric's mean over repetitions with half its interval; "" where there are no values."""
    values = [v for p in points if (v := p.value(metric)) is not None]
    if not values:
        return ""
    found = interval(values)
    digits = ",.2f" if abs(found.mean) >= 1 or found.mean == 0 else ".3f"
    return f"{found.mean:{digits}}" + (f" ± {found.half:.2g}" if found.half else "")
