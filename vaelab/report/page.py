"""The report as one HTML page: nothing is fetched, every picture is inside."""

import base64
import time
from html import escape

from vaelab.report.grid import Grid, command, shown
from vaelab.report.noise import interval

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1f2328;
  background: #fff; margin: 0 auto; padding: 28px 24px 60px; max-width: 1152px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 10px; }
p { margin: 8px 0; max-width: 80ch; } .quiet { color: #5c6370; font-size: 13px; }
code, pre { font: 13px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: #f5f6f8; border-radius: 6px; padding: 10px 12px; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; margin: 8px 0; }
ul.findings { padding-left: 20px; max-width: 84ch; } ul.findings li { margin: 5px 0; }
.bad { color: #b42318; } .one { white-space: nowrap; }
figure { margin: 0; } .curves figure { max-width: 620px; } figcaption { color: #5c6370; font-size: 13px; }
img { max-width: 100%; height: auto; display: block; }
img.tiles { image-rendering: pixelated; width: 100%; } img.codes { width: 100%; max-width: 390px; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 18px 24px; }
.wide { max-width: 900px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: 4px 10px 4px 0; text-align: left; vertical-align: top; white-space: nowrap; }
thead th { border-bottom: 1px solid #c9ced6; color: #5c6370; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:hover { background: #f5f6f8; } tr.best td { font-weight: 600; }
table.tiles { table-layout: fixed; width: 100%; } table.tiles td { padding: 5px 10px 5px 0; }
table.tiles th { white-space: normal; } table.tiles th:first-child { width: 84px; }
.class { font-size: 13px; margin-right: 14px; } .class::before { content: ""; display: inline-block; width: 10px;
  height: 10px; border-radius: 5px; margin-right: 5px; background: var(--c); }
"""
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
    """The page.

    Args:
        grid: the jobs.
        sweep: its `SweepFolder`.
        findings: what the comparison says.
        rate_distortion, curves: {name: PNG}.
        tiles: {kind: {setting: PNG}}.
        classes: {class: colour} of the pictures of codes.
    """
    parts = [head(grid, sweep), said(grid, findings)]
    if rate_distortion:
        parts.append(f"<h2>Rate and distortion</h2><p class=quiet>{RATE_DISTORTION}</p>")
        for name, png in rate_distortion.items():
            parts.append(f"<figure class=wide>{picture(png, name.replace('_', ' and ', 1))}</figure>")
    if curves:
        parts.append(f"<h2>Against {escape(grid.x)}</h2><p class=quiet>{CURVES}</p><div class=curves>")
        parts += [f"<figure>{picture(png, name)}</figure>" for name, png in curves.items()]
        parts.append("</div>")
    parts += [tile_table(grid, kind, cells, classes) for kind, cells in tiles.items() if cells]
    parts += [setting_table(grid, findings), job_table(grid), commands(grid)]
    title = escape(f"{grid.name}: vaelab sweep")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def head(grid: Grid, sweep) -> str:
    """Name, command, what it trained on, how far it is."""
    states = [p.state for p in grid.points]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    counts += f", {grid.waiting} not begun" if grid.waiting else ""
    counts += f", {grid.damaged} damaged" if grid.damaged else ""
    n_jobs = len(states) + grid.waiting + grid.damaged
    common = {
        key: values.pop()
        for key in ("dataset", "model", "objective", "posterior", "likelihood")
        if len(values := {p.status.get("chosen", {}).get(key) for p in grid.points}) == 1 and None not in values
    }
    kinds = {s.get("data") for p in grid.done for s in p.scores.values()} - {None}
    facts = [f"{k} {v}" for k, v in common.items()] + [f"{k} images" for k in sorted(kinds)]
    varied = ", ".join([*grid.axes, *(["seed"] if len({p.seed for p in grid.points}) > 1 else [])])
    return (
        f"<h1>{escape(grid.name)}</h1><p class=quiet>{n_jobs} jobs: {escape(counts)}. "
        f"{escape('; '.join(facts))}. Varied: {escape(varied or 'nothing')}. "
        f"Written <span class=one>{time.strftime('%Y-%m-%d %H:%M')}</span>.</p>"
        f"<pre>{escape(sweep.record().get('command', ''))}</pre>"
    )


def said(grid: Grid, found) -> str:
    """The findings as sentences."""
    if found.best is None:
        return "<p>No finished job has an elbo yet; add metric=[elbo].</p>"
    name = found.metric.removeprefix("test/").replace("_", " ")
    items = []
    best = escape(grid.described(found.best))
    items.append(f"Best {name}: <b>{best}</b>, {_with_error(found.best_mean)} nats per image.")
    noisy = [d for d in found.differences if d.p is not None and not d.real]
    if found.n_seeds < 2:
        items.append("Only one seed is common to all settings: what is seed noise is unknown. Add seed=0,1,2.")
    elif found.differences:
        real = len(found.differences) - len(noisy)
        text = f"{real} of {len(found.differences)} other settings are worse by more than seed noise"
        if noisy:
            names = "; ".join(escape(grid.described(d.setting)) for d in noisy[:6])
            text += f"; within noise of the best: {names}{' and more' if len(noisy) > 6 else ''}"
        items.append(f"{text} ({found.n_seeds} seeds, paired; of sweeps without a difference 5 % would show one).")
    if found.smallest is not None:
        items.append(f"Smallest latent_dim within noise of the best: <b>{found.smallest}</b>.")
    failed = [p for p in grid.points if p.state in ("failed", "killed")]
    if failed:
        text = "1 job is missing: it" if len(failed) == 1 else f"{len(failed)} jobs are missing: they"
        items.append(f"<span class=bad>{text} failed or ended in the middle (see the table of jobs).</span>")
    return f"<ul class=findings>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _with_error(found) -> str:
    return f"{found.mean:,.2f}" + (f" ± {found.half:.2g}" if found.half is not None else "")


def tile_table(grid: Grid, kind: str, cells: dict, classes: dict) -> str:
    """Rows: the first axis; columns: the others (of codes the other way round where that is wider than high)."""
    title, caption = KINDS[kind]
    xs = list(dict.fromkeys(s[0] if s else None for s in cells))
    lines = list(dict.fromkeys(s[1:] for s in cells))
    across = grid.x is not None and len(lines) == 1 and len(xs) > 1
    rows = [f"<h2>{title}</h2><p class=quiet>{caption}</p>"]
    if kind == "codes":
        rows += [f'<span class=class style="--c:{colour}">{escape(name)}</span>' for name, colour in classes.items()]
    rows.append("<div class=scroll>")
    least = 190 if kind != "codes" else 170
    if across:  # one axis only: side by side
        wide = min(len(xs), 5)
        rows.append(f'<table class=tiles style="min-width:{wide * least}px"><tbody>')
        for start in range(0, len(xs), wide):
            chunk = xs[start : start + wide]
            rows.append("<tr>" + "".join(_cell(grid, kind, cells, (x, *lines[0]), grid.described((x,), grid.axes[:1]))
                                         for x in chunk) + "<td></td>" * (wide - len(chunk)) + "</tr>")  # fmt: skip
        return "".join([*rows, "</tbody></table></div>"])
    above = [(x, grid.described((x,), grid.axes[:1]) if grid.x else "") for x in xs]
    beside = [(line, grid.described(line, grid.axes[1:]) if line else "") for line in lines]
    turned = kind == "codes" and len(lines) < len(xs) <= 6  # squares: the longer side across
    side, top = (beside, above) if turned else (above, beside)
    rows.append(f'<table class=tiles style="min-width:{84 + len(top) * least}px">')
    rows.append(f"<thead><tr><th></th>{''.join(f'<th>{escape(name)}</th>' for _, name in top)}</tr></thead><tbody>")
    for first, name in side:
        pairs = [(second, first) if turned else (first, second) for second, _ in top]
        keys = [(x, *line) if grid.x else () for x, line in pairs]
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(_cell(grid, kind, cells, key) for key in keys)}</tr>")
    return "".join([*rows, "</tbody></table></div>"])


def _cell(grid, kind, cells, setting, heading="") -> str:
    if setting not in cells:
        return "<td class=quiet>none</td>"
    name = f"{kind} of {grid.described(setting)}"
    above = f"<b>{escape(heading)}</b>" if heading else ""
    return f"<td>{above}{picture(cells[setting], name, 'tiles' if kind != 'codes' else 'codes')}</td>"


def setting_table(grid: Grid, found) -> str:
    """Means over seeds of every setting, and its difference from the best."""
    if not grid.settings():
        return ""
    terms = [f"test/{n}" for n in ("distortion", "rate", "rate_critic")]
    names = [*grid.told(), *(n for n in terms if n in grid.metrics())]
    compared = {d.setting: d for d in found.differences}
    heads = [*(f"<th>{escape(a)}</th>" for a in grid.axes), "<th class=n>seeds</th>"]
    heads += ["<th class=n>against the best</th>", "<th>beyond seed noise?</th>"]
    heads += [f"<th class=n>{escape(n.removeprefix('test/'))}</th>" for n in names]
    rows = []
    for setting, points in grid.settings().items():
        cells = [*(f"<td>{escape(shown(v))}</td>" for v in setting), f"<td class=n>{len(points)}</td>"]
        cells.append(_against(compared.get(setting), setting == found.best))
        for name in names:
            values = [v for p in points if (v := p.value(name)) is not None]
            cells.append(f"<td class=n>{_number(interval(values)) if values else ''}</td>")
        rows.append(f"<tr{' class=best' if setting == found.best else ''}>{''.join(cells)}</tr>")
    return (
        "<h2>Settings</h2><p class=quiet>Mean over seeds ± half a 95 % interval of that mean alone. The comparison "
        "pairs jobs of one seed and pools the noise of all settings; its intervals hold together in 95 % of sweeps, "
        f"and p counts all pairs (Tukey's studentised range). {_images(grid, names)}</p>"
        "<div class=scroll><table><thead><tr>"
        f"{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _images(grid: Grid, names: list[str]) -> str:
    """On how many test images the numbers rest."""
    found: dict[int, list[str]] = {}
    for name in names:
        for n in {p.scores[name].get("n") for p in grid.done if name in p.scores} - {None}:
            found.setdefault(n, []).append(name.removeprefix("test/"))
    if len(found) == 1:
        return f"All on {next(iter(found)):,} test images."
    return " ".join(f"{', '.join(map(escape, called))}: on {n:,} test images." for n, called in sorted(found.items()))


def _against(difference, best: bool) -> str:
    if best:
        return "<td class=n>best</td><td></td>"
    if difference is None:
        return "<td></td><td></td>"
    half = f" ± {difference.half:.2g}" if difference.half is not None else ""
    verdict = "" if difference.p is None else f"{'yes' if difference.real else 'no'} (p {_p(difference.p)})"
    return f"<td class=n>{difference.mean:+,.2f}{half}</td><td>{verdict}</td>"


def _p(p: float) -> str:
    return "&lt; 0.001" if p < 0.001 else f"{p:.2g}"


def _number(found) -> str:
    digits = ",.2f" if abs(found.mean) >= 1 or found.mean == 0 else ".3f"
    return f"{found.mean:{digits}}" + (f" ± {found.half:.2g}" if found.half else "")


def job_table(grid: Grid) -> str:
    """Every job with its state, numbers and folder."""
    main = grid.main()
    heads = [*(f"<th>{escape(a)}</th>" for a in grid.axes), "<th class=n>seed</th><th>state</th>"]
    heads.append(f"<th class=n>{escape((main or 'elbo').removeprefix('test/'))}</th>")
    heads.append("<th class=n>epochs</th><th class=n>weights of</th><th class=n>seconds</th><th>folder</th>")
    rows = []
    for point in grid.points:
        score, status = point.scores.get(main, {}) if main else {}, point.status
        cells = [*(f"<td>{escape(shown(point.setting[a]))}</td>" for a in grid.axes), f"<td class=n>{point.seed}</td>"]
        bad = point.state in ("failed", "killed", "interrupted")
        why = f": {status['message']}" if bad and status.get("message") else ""
        cells.append(f"<td{' class=bad' if bad else ''}>{escape((point.state + why)[:160])}</td>")
        error = f" ± {score['se']:.2g}" if score.get("se") else ""
        cells.append(
            f"<td class=n>{score['value']:,.2f}{error}</td>" if score.get("value") is not None else "<td></td>"
        )
        seconds = status.get("train_seconds")
        for value in (status.get("epochs"), status.get("weights_epoch"), None if seconds is None else f"{seconds:.0f}"):
            cells.append(f"<td class=n>{'' if value is None else value}</td>")
        rows.append(f"<tr>{''.join(cells)}<td><code>{escape(point.folder.path.name)}</code></td></tr>")
    return (
        "<h2>Jobs</h2><p class=quiet>The ± here is the standard error over test images.</p><div class=scroll><table>"
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def commands(grid: Grid) -> str:
    """What trains each job alone."""
    lines = "\n".join(command(point) for point in grid.points)
    return f"<h2>Commands</h2><p class=quiet>Each job alone, outside the sweep.</p><pre>{escape(lines)}</pre>"


def picture(png: bytes, name: str, kind: str = "") -> str:
    """An image inside the page."""
    data = base64.b64encode(png).decode()
    attribute = f' class="{kind}"' if kind else ""
    return f'<img{attribute} alt="{escape(name)}" src="data:image/png;base64,{data}">'
