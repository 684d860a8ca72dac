"""Loss, distortion, rate and every other term over epochs, training beside validation."""

import numpy as np
from matplotlib.lines import Line2D

from vaelab.errors import NotApplicable
from vaelab.plots.style import INK, MARGIN, MUTED, SMALL, TEXT, Page, colour, layout, number, text_width
from vaelab.system.palette import FAINT

PARTS = {"train": ("training", 0), "val": ("validation", 3)}  # name and colour
FIRST = ("loss", "distortion", "rate", "rate_critic")
LEFT_OUT = ("elbo", "elbo_critic")  # minus the sum of the two before
KEPT = {"color": INK, "linewidth": 1.0, "linestyle": "--"}  # the epoch whose weights are kept


def training_curves(view, *, log_scale: bool):
    """One panel per term of the history, nats per image against epoch; a line where the run's weights come from.

    Args:
        log_scale: logarithmic vertical axes (only for terms that stay positive).
    Returns:
        matplotlib Figure.
    """
    epochs, terms = _terms(view.history)
    columns = min(len(terms), 3 if len(terms) != 4 else 2)
    rows = -(-len(terms) // columns)
    panel_height = {1: 3.6, 2: 2.7}.get(rows, 2.3)
    span = f"{len(epochs)} epoch{'s' * (len(epochs) > 1)}"
    page = Page("Training curves", [view.name, "nats per image", span], rows * panel_height)
    panel_width = (page.width - 2 * MARGIN) / columns
    for k, (name, curves) in enumerate(terms.items()):
        row, column = divmod(k, columns)
        ax = page.axes(
            MARGIN + column * panel_width + 0.62, (rows - 1 - row) * panel_height + 0.6, panel_width - 0.75,
            panel_height - 0.95,
        )  # fmt: skip
        _panel(ax, name, epochs, curves, view.weights_epoch, log_scale)
    parts = [part for part in PARTS if any(part in curves for curves in terms.values())]
    lines = [Line2D([], [], color=colour(PARTS[p][1]), linewidth=2.5, label=PARTS[p][0]) for p in parts]
    if view.weights_epoch is not None:
        lines.append(Line2D([], [], **KEPT, label=f"weights kept: epoch {view.weights_epoch}"))
    width = sum(0.45 + text_width(line.get_label(), TEXT) for line in lines)
    page.legend(lines, page.width - MARGIN - width, page.height + page.header - 0.2, columns=len(lines), size=TEXT)
    return page.figure


def _terms(history) -> tuple[np.ndarray, dict]:
    """Epochs (E,), and {term: {"train": (E,), "val": (E,)}} in the order they are shown."""
    epochs = np.asarray(history.get("epoch", ()), float)
    if not len(epochs):
        raise NotApplicable("training_curves needs a training history; this run has none.")
    names = {key.partition("/")[2] for key in history if key.startswith(("train/", "val/"))} - set(LEFT_OUT)
    order = [n for n in FIRST if n in names] + sorted(names - set(FIRST))
    terms = {}
    for name in order:
        found = {part: history.get(f"{part}/{name}") for part in PARTS}
        curves = {
            p: np.array([np.nan if v is None else v for v in c], float) for p, c in found.items() if c is not None
        }
        curves = {p: c for p, c in curves.items() if np.isfinite(c).any()}
        if np.any(curves.get("train", 0)):  # a 0 throughout beside it is of images without labels (M2)
            curves = {p: c for p, c in curves.items() if np.any(c)}
        if curves:
            terms[name] = curves
    if not terms:
        raise NotApplicable("training_curves needs train/... or val/... in the history; this run has none.")
    return epochs, terms


def _panel(ax, name, epochs, curves, kept, log_scale):
    ax.grid(True, color=FAINT, linewidth=0.6)
    for part, (_, k) in PARTS.items():
        if part in curves:
            ax.plot(
                epochs, curves[part], color=colour(k), linewidth=1.8, marker="o" if len(epochs) <= 15 else None,
                markersize=4,
            )  # fmt: skip
    values = np.concatenate(list(curves.values()))
    if log_scale and np.nanmin(values) > 0:
        ax.set_yscale("log")
    if kept is not None:
        ax.axvline(kept, **KEPT)
    until = epochs <= (epochs[-1] if kept is None else kept)
    known = {part: c[until & np.isfinite(c)] for part, c in curves.items()}
    note = ", ".join(f"{part} {number(c[-1])}" for part, c in known.items() if len(c))
    ax.set_title(name.replace("_", " "), loc="left", fontsize=TEXT, weight="bold", color=INK)
    width = ax.get_position().width * layout().width
    if text_width(name, TEXT, "bold") + 0.1 + text_width(note, SMALL) < width:
        ax.set_title(note, loc="right", fontsize=SMALL - 0.5, color=MUTED)
    ax.set_xlabel("epoch")
    if len(epochs) == 1:
        ax.set_xticks(epochs)
    ax.xaxis.get_major_locator().set_params(integer=True) if len(epochs) > 1 else None
