"""The report as one HTML page: nothing is fetched, every picture is inside; page.html.j2 is what it looks like."""

import base64
import time
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from vaelab.report.grid import Grid, command, shown
from vaelab.report.statistics import interval

KINDS = {
    "samples": ("Samples", "Image means of the same draws from N(0, I) for every setting with as many latents."),
    "reconstructions": ("Reconstructions", "Test images above, their reconstructions from the posterior's mean below."),
    "codes": ("Latent space", "Posterior means of the test images, coloured by class; with more than two latents "
              "their first two principal components, with one latent spread out at random in height."),
}  # fmt: skip
RATE_DISTORTION = (
    "Small points are single jobs, large ones means over seeds; along a grey line the elbo is the same, to the lower "
    "left it is better. A setting on the Pareto front has no other with both less rate and less distortion."
)
CURVES = "Means with 95 % intervals over seeds (Student's t; none for a single seed); small points are single jobs."


def html(grid: Grid, sweep, *, findings, rate_distortion, curves, tiles, classes) -> str:
    """The page; the template engine escapes every value.

    Args:
        grid: the jobs.
        sweep: its `SweepFolder`.
        findings: what the comparison says.
        rate_distortion, curves: {name: PNG}.
        tiles: {kind: {setting: PNG}}.
        classes: {class: colour} of the pictures of codes.
    """
    engine = Environment(
        loader=PackageLoader("vaelab.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return engine.get_template("page.html.j2").render(
        name=grid.name,
        captions={"rate_distortion": RATE_DISTORTION, "curves": CURVES},
        head=head(grid, sweep),
        findings=in_words(grid, findings),
        rate_distortion={name: encoded(png) for name, png in rate_distortion.items()},
        x=grid.x,
        curves={name: encoded(png) for name, png in curves.items()},
        tiles=[tile_table(grid, kind, cells, classes) for kind, cells in tiles.items() if cells],
        settings=setting_table(grid, findings),
        jobs=job_table(grid),
        commands="\n".join(command(point) for point in grid.points),
    )


def head(grid: Grid, sweep) -> dict[str, str]:
    """Command, what it trained on, how far it is."""
    states = [p.state for p in grid.points]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    counts += f", {grid.waiting} not begun" if grid.waiting else ""
    counts += f", {grid.damaged} damaged" if grid.damaged else ""
    n_jobs = len(states) + grid.waiting + grid.damaged
    common = {
        key: values.pop()
        for key in ("dataset", "model", "objective", "posterior", "likelihood")
        if len(values := {(p.status.get("chosen") or {}).get(key) for p in grid.points}) == 1 and None not in values
    }
    kinds = {s.get("data") for p in grid.done for s in p.scores.values()} - {None}
    facts = [f"{k} {v}" for k, v in common.items()] + [f"{k} images" for k in sorted(kinds)]
    varied = ", ".join([*grid.axes, *(["seed"] if len({p.seed for p in grid.points}) > 1 else [])])
    return {
        "jobs": f"{n_jobs} jobs: {counts}",
        "facts": "; ".join(facts),
        "varied": varied or "nothing",
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "command": sweep.record().get("command") or "",
    }


def in_words(grid: Grid, found) -> list[dict]:
    """The findings as sentences: {before, strong, after, bad}; none without numbers."""
    if found.best is None:
        return []
    name = found.metric.removeprefix("test/").replace("_", " ")
    mean = f", {_with_error(found.best_mean)} nats per image."
    items = [_sentence(f"Best {name}: ", grid.described(found.best), mean)]
    noisy = [d for d in found.differences if d.p is not None and not d.real]
    if found.n_seeds < 2:
        items.append(
            _sentence("Only one seed is common to all settings: what is seed noise is unknown. Add seed=0,1,2.")
        )
    elif found.differences:
        real = len(found.differences) - len(noisy)
        text = f"{real} of {len(found.differences)} other settings are worse by more than seed noise"
        if noisy:
            names = "; ".join(grid.described(d.setting) for d in noisy[:6])
            text += f"; within noise of the best: {names}{' and more' if len(noisy) > 6 else ''}"
        note = f"({found.n_seeds} seeds, paired; of sweeps without a difference 5 % would show one)."
        items.append(_sentence(f"{text} {note}"))
    if found.smallest is not None:
        items.append(_sentence("Smallest latent_dim within noise of the best: ", str(found.smallest), "."))
    failed = [p for p in grid.points if p.state in ("failed", "killed")]
    if failed:
        text = "1 job is missing: it" if len(failed) == 1 else f"{len(failed)} jobs are missing: they"
        items.append(_sentence(f"{text} failed or ended in the middle (see the table of jobs).", bad=True))
    return items


def _sentence(before: str, strong: str = "", after: str = "", bad: bool = False) -> dict:
    return {"before": before, "strong": strong, "after": after, "bad": bad}


def _with_error(found) -> str:
    return f"{found.mean:,.2f}" + (f" ± {found.half:.2g}" if found.half is not None else "")


def tile_table(grid: Grid, kind: str, cells: dict, classes: dict) -> dict:
    """Rows: the first axis; columns: the others (of codes the other way round where that is wider than high)."""
    title, caption = KINDS[kind]
    shown_classes = classes if kind == "codes" else {}
    found = {"title": title, "caption": caption, "classes": shown_classes}
    xs = list(dict.fromkeys(s[0] if s else None for s in cells))
    lines = list(dict.fromkeys(s[1:] for s in cells))
    least = 190 if kind != "codes" else 170
    if grid.x is not None and len(lines) == 1 and len(xs) > 1:  # one axis only: side by side
        wide = min(len(xs), 5)
        rows = []
        for start in range(0, len(xs), wide):
            chunk = xs[start : start + wide]
            row = [_tile(grid, kind, cells, (x, *lines[0]), grid.described((x,), grid.axes[:1])) for x in chunk]
            rows.append({"heading": "", "tiles": row, "empty": wide - len(chunk)})
        return found | {"top": [], "rows": rows, "width": wide * least}
    above: list[tuple[Any, str]] = [(x, grid.described((x,), grid.axes[:1]) if grid.x else "") for x in xs]
    beside: list[tuple[Any, str]] = [(line, grid.described(line, grid.axes[1:]) if line else "") for line in lines]
    turned = kind == "codes" and len(lines) < len(xs) <= 6  # squares: the longer side across
    side, top = (beside, above) if turned else (above, beside)
    rows = []
    for first, name in side:
        pairs = [(second, first) if turned else (first, second) for second, _ in top]
        keys = [(x, *line) if grid.x else () for x, line in pairs]
        rows.append({"heading": name, "tiles": [_tile(grid, kind, cells, key) for key in keys], "empty": 0})
    return found | {"top": [name for _, name in top], "rows": rows, "width": 84 + len(top) * least}


def _tile(grid, kind, cells, setting, heading="") -> dict:
    png = encoded(cells[setting]) if setting in cells else None
    name = f"{kind} of {grid.described(setting)}"
    return {"png": png, "name": name, "heading": heading, "kind": "tiles" if kind != "codes" else "codes"}


def setting_table(grid: Grid, found) -> dict:
    """Means over seeds of every setting, and its difference from the best."""
    terms = [f"test/{n}" for n in ("distortion", "rate", "rate_critic")]
    names = [*grid.headline_metrics(), *(n for n in terms if n in grid.metrics())]
    compared = {d.setting: d for d in found.differences}
    heads = [*map(_text, grid.axes), _number("seeds"), _number("against the best"), _text("beyond seed noise?")]
    heads += [_number(n.removeprefix("test/")) for n in names]
    rows = []
    for setting, points in grid.settings().items():
        cells = [*(_text(shown(v)) for v in setting), _number(len(points))]
        cells += _against(compared.get(setting), setting == found.best)
        for name in names:
            values = [v for p in points if (v := p.value(name)) is not None]
            cells.append(_number(_mean(interval(values)) if values else ""))
        rows.append({"best": setting == found.best, "cells": cells})
    caption = (
        "Mean over seeds ± half a 95 % interval of that mean alone. The comparison pairs jobs of one seed and "
        "pools the noise of all settings; its intervals hold together in 95 % of sweeps, and p counts all pairs "
        f"(Tukey's studentised range). {_images(grid, names)}"
    )
    return {"caption": caption, "heads": heads, "rows": rows}


def _text(value, bad: bool = False) -> dict:
    """A cell of words."""
    return {"kind": "bad" if bad else "", "text": str(value)}


def _number(value) -> dict:
    """A cell of a number, ranged right; empty for None."""
    return {"kind": "n", "text": "" if value is None else str(value)}


def _images(grid: Grid, names: list[str]) -> str:
    """On how many test images the numbers rest."""
    found: dict[int, list[str]] = {}
    for name in names:
        for n in {p.scores[name].get("n") for p in grid.done if name in p.scores} - {None}:
            found.setdefault(n, []).append(name.removeprefix("test/"))
    if len(found) == 1:
        return f"All on {next(iter(found)):,} test images."
    return " ".join(f"{', '.join(called)}: on {n:,} test images." for n, called in sorted(found.items()))


def _against(difference, best: bool) -> list[dict]:
    if best:
        return [_number("best"), _text("")]
    if difference is None:
        return [_text(""), _text("")]
    half = f" ± {difference.half:.2g}" if difference.half is not None else ""
    verdict = "" if difference.p is None else f"{'yes' if difference.real else 'no'} (p {_p(difference.p)})"
    return [_number(f"{difference.mean:+,.2f}{half}"), _text(verdict)]


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _mean(found) -> str:
    digits = ",.2f" if abs(found.mean) >= 1 or found.mean == 0 else ".3f"
    return f"{found.mean:{digits}}" + (f" ± {found.half:.2g}" if found.half else "")


def job_table(grid: Grid) -> dict:
    """Every job with its state, numbers and folder."""
    main = grid.main()
    heads = [*map(_text, grid.axes), _number("seed"), _text("state"), _number((main or "elbo").removeprefix("test/"))]
    heads += [*map(_number, ("epochs", "weights of", "seconds")), _text("folder")]
    rows = []
    for point in grid.points:
        score, status = point.scores.get(main, {}) if main else {}, point.status
        bad = point.state in ("failed", "killed", "interrupted")
        why = f": {status['message']}" if bad and status.get("message") else ""
        error = f" ± {score['se']:.2g}" if score.get("se") else ""
        value = f"{score['value']:,.2f}{error}" if score.get("value") is not None else None
        seconds = status.get("train_seconds")
        cells = [*(_text(shown(point.setting[a])) for a in grid.axes), _number(point.seed)]
        cells += [_text(point.state + why, bad), _number(value)]
        cells += [_number(status.get("epochs")), _number(status.get("weights_epoch"))]
        cells.append(_number(None if seconds is None else f"{seconds:.0f}"))
        rows.append({"best": False, "cells": [*cells, {"kind": "folder", "text": point.folder.path.name}]})
    return {"heads": heads, "rows": rows}


def encoded(png: bytes) -> str:
    """An image as text inside the page."""
    return base64.b64encode(png).decode()
