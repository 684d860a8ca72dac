"""Writes a sweep's report: report.html (self-contained), report.csv, report/*.png, report/settings.csv and .tex."""

import csv
import io
import logging
from dataclasses import dataclass, field

import matplotlib
import numpy as np
from PIL import Image

from vaelab.errors import RunError, visible
from vaelab.records.sweep_folder import SweepFolder
from vaelab.report import page, pictures, tables
from vaelab.report.grid import Grid, Point, command, read
from vaelab.report.statistics import Difference, Interval, against_best, interval
from vaelab.system import files
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

PICTURE_KINDS = ("samples", "reconstructions", "codes")


@matplotlib.rc_context({"text.parse_math": False})  # a $ in a name is a dollar sign
def write(sweep: SweepFolder) -> dict[str, float]:
    """Writes the three forms of the report; returns headline numbers for the sweep's own run in MLflow."""
    grid = read(sweep)
    files.write(sweep.csv_file, table_csv(grid))
    images = {}
    for kind in ("", "_critic"):
        figure = pictures.rate_distortion(grid, kind)
        if figure is not None:
            images[f"rate_distortion{kind}"] = save(figure, sweep, f"rate_distortion{kind}")
    curves = {name: save(figure, sweep, name.replace("/", "_")) for name, figure in pictures.panels(grid).items()}
    shown = {kind: tiles(grid, kind) for kind in PICTURE_KINDS}
    for kind, cells in shown.items():
        for values, png in cells.items():
            words = "_".join(f"{a.rpartition('.')[2]}-{v}" for a, v in zip(grid.axes, values)) or "all"
            safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in words)
            files.write_bytes(sweep.picture_file(f"{kind}_{safe}"), png)
    found, names = findings(grid), page.table_metrics(grid)
    latex = tables.settings_latex(grid, names, page.mean)
    files.write(sweep.table_file("csv"), tables.settings_csv(grid, names, {d.setting: d for d in found.differences}))
    files.write(sweep.table_file("tex"), latex)
    html = page.html(
        grid, sweep, findings=found, rate_distortion=images, curves=curves, tiles=shown, classes=classes(grid),
        names=names, latex=latex,
    )  # fmt: skip
    files.write(sweep.html_file, html)
    states = [p.state for p in grid.points]
    numbers: dict[str, float] = {"jobs/done": states.count("done"), "jobs/not_done": len(states) - states.count("done")}
    if found.best_mean is not None:
        numbers[f"best/{grid.main()}"] = found.best_mean.mean
    return numbers


@dataclass
class Findings:
    """What the comparison of settings says.

    Attributes:
        metric: compared by.
        best: values of the axes of the best setting, or None without numbers.
        best_mean: its `Interval`.
        differences: the other settings against it, the nearest first.
        smallest: {"latent_dim": the smallest within noise of the best} where that was varied and noise is known.
        n_seeds: repetitions all settings share.
    """

    metric: str | None
    best: tuple | None = None
    best_mean: Interval | None = None
    differences: list[Difference] = field(default_factory=list)
    smallest: int | None = None
    n_seeds: int = 0


def findings(grid: Grid) -> Findings:
    """Which setting is best, which differences are larger than seed noise, the smallest latent space as good."""
    metric = grid.main()
    values = by_seed(grid, metric) if metric else {}
    if not values:
        return Findings(metric)
    best, differences = against_best(values, higher_is_better=True)
    differences.sort(key=lambda d: -d.mean)
    n_seeds = len(set.intersection(*(set(v) for v in values.values())))
    return Findings(
        metric, best, interval(list(values[best].values())), differences, smallest(grid, best, differences), n_seeds
    )


def by_seed(grid: Grid, metric: str) -> dict[tuple, dict[int, float]]:
    """{setting: {seed: value}} of finished jobs."""
    found = {s: {p.seed: p.value(metric) for p in points} for s, points in grid.settings().items()}
    found = {s: {seed: v for seed, v in values.items() if v is not None} for s, values in found.items()}
    return {s: values for s, values in found.items() if values}


def smallest(grid: Grid, best: tuple, differences: list[Difference]) -> int | None:
    """The smallest latent_dim one of whose settings is not worse than the best beyond seed noise; None if unknown."""
    if "latent_dim" not in grid.axes or any(d.p is None for d in differences):
        return None
    k = grid.axes.index("latent_dim")
    return min([best[k], *(d.setting[k] for d in differences if not d.real)])


def table_csv(grid: Grid) -> str:
    """One line per job: setting, seed, state, every metric with its error, time, folder, command."""
    out, metrics = io.StringIO(), grid.metrics()
    names = [*grid.axes, "seed", "state", "epochs", "train_seconds"]
    names += [c for m in metrics for c in (m, f"{m} se")] + ["folder", "command"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for point in grid.points:
        row = [*(point.setting[a] for a in grid.axes), point.seed, point.state]
        row += [point.status.get("epochs"), point.status.get("train_seconds")]
        for metric in metrics:
            score = point.scores.get(metric, {})
            row += [score.get("value"), score.get("se")]
        writer.writerow([*row, point.folder.path.name, command(point)])
    return out.getvalue()


def save(figure, sweep: SweepFolder, name: str) -> bytes:
    """The figure as PNG, in the sweep's folder and as bytes."""
    png = encoded(figure)
    files.write_bytes(sweep.picture_file(name), png)
    return png


def encoded(figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def tiles(grid: Grid, kind: str) -> dict[tuple, bytes]:
    """{setting: PNG} of the lowest seed's samples, reconstructions (originals above) or codes."""
    found = {}
    for setting, points in grid.settings().items():
        point = min(points, key=lambda p: p.seed)
        try:
            found[setting] = picture(point, kind)
        except RunError as error:
            log.log(NOTE, f"no {kind} of a job: {error}")
            continue
        except (KeyError, ValueError, TypeError, IndexError):  # an older run, or one whose pictures could not be made
            continue
    return found


def classes(grid: Grid) -> dict[str, str]:
    """{class: colour} of the pictures of codes; empty without labels or with too many for a legend."""
    labels, names = set(), []
    for point in grid.done:
        try:
            codes, stored = point.folder.read_codes("test"), {} if names else point.folder.read_tiles()
            labels |= set(np.unique(codes["y"]).tolist()) if "y" in codes else set()
            names = names or [visible(name) for name in stored.get("class_names", np.array([], str)).tolist()]
        except (RunError, TypeError, AttributeError):  # told by `tiles`
            continue
    if len(labels) > 20:
        return {}
    called = [names[k] if k in range(len(names)) else str(k) for k in sorted(labels)]
    return dict(zip(called, pictures.class_colours(len(called))))


def picture(point: Point, kind: str) -> bytes:
    """PNG of a job's samples, reconstructions or codes."""
    if kind == "codes":
        codes = point.folder.read_codes("test")
        return encoded(pictures.scatter(codes["mean"], codes.get("y")))
    stored, pages = point.folder.read_tiles(), []
    for v in range(sum(name.startswith("samples_") for name in stored)):
        if kind == "samples":
            pages.append(pictures.tiles(stored[f"samples_{v}"], 8))
        else:
            pair = np.concatenate([stored[f"originals_{v}"], stored[f"reconstructions_{v}"]])
            pages.append(pictures.tiles(pair, len(pair) // 2))
    width = max(p.shape[1] for p in pages)
    pages = [np.pad(p, ((0, 3), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in pages]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(pages)[:-3]).save(out, format="png", optimize=True)
    return out.getvalue()
