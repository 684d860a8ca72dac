"""`vaelab score run=R on=... csv=F`: how strange each image is to a finished run, or to several together."""

import csv
import logging
from contextlib import ExitStack

import numpy as np

from vaelab.config.plain import plain
from vaelab.errors import ConfigError
from vaelab.jobs import foreign, opening, results
from vaelab.jobs.scoring import Scoring
from vaelab.jobs.stored import stored_view
from vaelab.system import paths, tables
from vaelab.system.files import atomic_file
from vaelab.system.streams import output

log = logging.getLogger(__name__)

_FAR = (95, 99)  # percentiles of the own test images, beyond which images are counted


def run(cfg) -> None:
    """Scores the images, a few hundred at a time, writes a line for each and prints how many are strange."""
    file = None if cfg.csv is None else paths.output_file("csv", cfg.csv)
    codes = None if cfg.codes is None else paths.output_file("codes", cfg.codes)
    nodes, on = results.chosen(plain(cfg.get("scores"))), plain(cfg.on)
    runs = opening.finished_runs(cfg)
    if codes and len(runs) > 1:
        raise ConfigError(f"codes={cfg.codes}: runs have codes of their own. Ask for those of one run at a time.")
    for folder, stored in runs:
        if on:
            foreign.check(on, stored, whole=True)
        results.check(stored_view(folder), nodes, "score", trusted=stored["trusted"])
    views = [opening.open_view(*run, accept_changed_data=cfg.accept_changed_data) for run in runs]
    lists = [foreign.listed(on, view.dataset, stored) for view, (_, stored) in zip(views, runs)]
    scoring, found = Scoring(views, nodes, runs[0][1]["trusted"]), lists[0]
    seen, totals = len(found.images), {name: np.zeros(1 + len(_FAR)) for name in nodes}
    moments: list = []
    with ExitStack() as open_files:
        write = _writer(open_files.enter_context(atomic_file(file)), scoring.columns, open_files) if file else None
        for rows, columns in scoring.chunks([each.images for each in lists]):
            for name in nodes:
                beyond = [np.sum(columns[f"{name}_percentile"] > far) for far in _FAR]
                totals[name] += [np.sum(columns[name]), *beyond]
            if codes:
                looked_at = views[0].see(found.images.take(slice(rows.start, rows.stop)).inputs)
                moments.append((looked_at.mean, looked_at.std))
            if write:
                values = zip(*(columns[column] for column in scoring.columns))
                write([found.names[row], *(f"{v:.6g}" for v in each), ""] for row, each in zip(rows, values))
        if write:
            write([name, *[""] * len(scoring.columns), why] for name, why in found.skipped.items())
    if codes:
        mean, std = map(np.concatenate, zip(*moments))
        codes.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(codes) as temporary, temporary.open("wb") as opened:  # whatever its suffix
            np.savez(opened, mean=mean, std=std, image=np.array(list(found.names)))
    for name, why in list(found.skipped.items())[:5]:
        log.warning(f"{name} has no scores: {why}")
    others = f", {len(found.skipped):,} files that are none" if found.skipped else ""
    of = "the run has" if len(runs) == 1 else f"means over {len(runs)} runs, which have"
    output(f"{seen:,} images{others}; {of} {len(views[0].split('test')):,} test images")
    output(_table(scoring, totals, seen))
    for written in filter(None, (file, codes)):
        output(str(written))


def _writer(path, columns: list[str], open_files: ExitStack):
    """function (rows) that appends lines to a csv file, its head written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = csv.writer(open_files.enter_context(path.open("w", newline="", encoding="utf-8")))
    writer.writerow(["image", *columns, "problem"])
    return writer.writerows


def _table(scoring: Scoring, totals: dict, n: int) -> str:
    """Means here and of the own test images, and the share of images that are stranger than most of these."""
    rows = [("score", "mean", "own test mean", *(f"beyond {far} % of them" for far in _FAR))]
    for name, (total, *beyond) in totals.items():
        means = (f"{total / n:,.4g}", f"{scoring.own[name].mean():,.4g}")
        rows.append((name, *means, *(f"{count / n:.1%}" for count in beyond)))
    return tables.table(rows, numbers=range(1, len(rows[0])), indent=2)[0]
