"""How beta, capacity and learning rate move over the training that was asked for."""

import numpy as np

from vaelab.errors import NotApplicable
from vaelab.plots.style import INK, MARGIN, SMALL, Page, colour, number
from vaelab.system.palette import FAINT

UNITS = {"beta": "beta", "capacity": "capacity, nats", "learning_rate": "learning rate"}


def schedule(view):
    """One panel per schedule, its value against the epoch.

    Reads `view.schedules`: {"beta": (epochs (n,), values (n,)), "learning_rate": ..., "capacity": ...}.

    Returns:
        matplotlib Figure.

    Raises:
        NotApplicable: there is no record of them.
    """
    found = view.schedules
    if not found:
        raise NotApplicable("schedule: this run has no record of its schedules.")
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    page = Page("Schedules over training", [view.name], 2.8 * rows)
    width = (page.width - 2 * MARGIN) / columns
    for k, (name, (epochs, values)) in enumerate(found.items()):
        row, column = divmod(k, columns)
        epochs, values = np.asarray(epochs, float), np.asarray(values, float)
        ax = page.axes(MARGIN + column * width + 0.75, (rows - 1 - row) * 2.8 + 0.6, width - 0.95, 2.0)
        ax.grid(True, color=FAINT, linewidth=0.6)
        ax.plot(epochs, values, color=colour(k), linewidth=2)
        constant = np.ptp(values) <= 1e-9 * np.abs(values).max()
        ax.set_ylim(min(0.0, values.min()), max(values.max() * (1.6 if constant else 1.08), 1e-12))
        if constant:
            middle = (epochs[0] + epochs[-1]) / 2
            ax.annotate(f"constant: {number(values[0])}", (middle, values[0]), (0, 6), textcoords="offset points",
                        ha="center", fontsize=SMALL, color=INK)  # fmt: skip
        ax.set_xlim(epochs.min(), max(epochs.max(), epochs.min() + 1e-9))
        ax.set_xlabel("epoch")
        ax.locator_params(axis="x", integer=True)
        ax.set_ylabel(UNITS[name] if name in UNITS else name.replace("_", " "))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
    return page.figure


schedule.before_training = True
