"""Cards: what a notebook shows of a run, a sweep or a comparison. Everything from a folder is escaped."""

import html

from vaelab.api.pictures import inline
from vaelab.records.card import NUMBERS
from vaelab.system.printing import plus_minus

# In this order, the first of them that a run has.
PICTURES = ("reconstructions", "samples", "latent_scatter", "manifold", "training_curves", "tsne", "conjoint_scatter")
CURVES = ("rate_distortion", "test_elbo", "test_active_units")
BOX = "border:1px solid #8886;border-radius:8px;padding:12px 14px;max-width:1000px;line-height:1.45"
SMALL = "opacity:.7;font-size:12px"
CELL = "text-align:right;padding:2px 10px 2px 0;border:0"


def run_card(run) -> str:
    """Name, what it is made of, headline numbers, two or three pictures."""
    status, config = run.folder.status(), run.config
    chosen = status.get("chosen") or {}
    made_of = {k: chosen.get(k) for k in ("dataset", "model", "posterior", "likelihood", "objective")}
    made_of |= {"latents": status.get("latent_dim") or config["latent_dim"], "beta": config["beta"]}
    made_of |= {"seed": config["seed"], "epochs": status.get("epochs"), "parameters": status.get("parameters")}
    pictures = [path for name in PICTURES if (path := run.folder.path / "figures" / f"{name}.png").is_file()][:3]
    message = f"<div>{_safe(status['message'])}</div>" if status.get("message") else ""
    return _box(
        status.get("run_name") or run.folder.path.name,
        status.get("state"),
        f"{_facts(made_of)}{message}{_numbers(run.folder.read_metrics())}<div>{''.join(map(inline, pictures))}</div>",
        run.folder,
    )


def sweep_card(sweep) -> str:
    """Name, how many jobs ended how, a row per job with what differs and headline numbers, the report's curves."""
    states = [folder.status().get("state") or "queued" for folder in sweep.folder.jobs()]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    candidates = (sweep.folder.path / "report" / f"{name}.png" for name in CURVES)
    pictures = [path for path in candidates if path.is_file()][:2]
    runs, numbers = sweep.runs, [f"test/{name}" for name in NUMBERS]
    shown = [c for c in (*sweep.differ, "state", *numbers) if c in runs and not runs[c].isna().all()]
    table = runs[shown].to_html(
        index=False, escape=True, border=0, na_rep="-", max_rows=30, float_format="{:,.4g}".format
    )
    best = sweep.best
    told_best = f"<div>best: {_safe(best.folder.path.name)}</div>" if best else ""
    content = f"{told_best}<div style='overflow-x:auto'>{table}</div><div>{''.join(map(inline, pictures))}</div>"
    return _box(f"sweep {sweep.name}", told, content, sweep.report or sweep.folder)


def frames_card(title: str, frames: dict) -> str:
    """Tables under their headings."""
    parts = (
        f"<h4 style='margin:8px 0 2px'>{_safe(name)}</h4>{frame.to_html(escape=True, border=0, na_rep='-')}"
        for name, frame in frames.items()
    )
    return _box(title, None, "".join(parts), None)


def _box(title, state, content: str, where) -> str:
    head = f"<b>{_safe(title)}</b>" + (f" <span style='{SMALL}'>{_safe(state)}</span>" if state else "")
    foot = f"<div style='{SMALL}'><code>{_safe(where)}</code></div>" if where is not None else ""
    return f'<div class="vaelab" style="{BOX}"><div>{head}</div>{content}{foot}</div>'


def _facts(facts: dict) -> str:
    shown = (f"{_safe(k)} <b>{_safe(_number(v))}</b>" for k, v in facts.items() if v is not None)
    return f"<div style='font-size:13px'>{' &middot; '.join(shown)}</div>"


def _numbers(scores: dict) -> str:
    names = [n for n in (f"test/{name}" for name in NUMBERS) if (scores.get(n) or {}).get("value") is not None]
    rows = "".join(
        f"<tr><td style='{CELL};text-align:left'>{_safe(name)}</td><td style='{CELL}'>{scores[name]['value']:,.3f}</td>"
        f"<td style='{CELL};text-align:left'>{_safe(plus_minus(scores[name], 2))}</td></tr>"
        for name in names
    )
    stamps = {(scores[n].get("data"), scores[n].get("n")) for n in names}
    data, n = next(iter(stamps)) if len(stamps) == 1 else (None, None)
    note = f"nats per image, {n:,} test images, {data}" if n else "nats per image"
    if not rows:
        return ""
    return f"<table style='margin:6px 0;border:0'>{rows}</table><div style='{SMALL}'>{_safe(note)}</div>"


def _number(value) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _safe(text) -> str:
    return html.escape(str(text), quote=True)
