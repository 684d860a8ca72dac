"""The networks layer by layer: type, name, output shape, parameters."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from vaelab.errors import NotApplicable
from vaelab.plots.style import INK, MARGIN, MUTED, SMALL, TEXT, Page, shortened, text_width
from vaelab.system.printing import counted

HEAD_NAMES = ("mean", "log_var", "rho", "std")  # these read the same features: drawn side by side
COLOURS = {  # background of a box by what the layer does
    "Conv": "#cfe3f1", "Dense": "#fbe3b8", "Pool": "#f6d2bf", "Flatten": "#eceef0", "Reshape": "#eceef0",
    "Crop": "#eceef0", "Input": "#d5efe5", "Norm": "#ecd6e3", "Activation": "#ecd6e3",
}  # fmt: skip
OTHER = "#eceef0"
WIDEST = 3.6  # inches


def architecture(view):
    """One column per network, top to bottom in the order of the data; the width of a box grows with its output.

    Reads `view.layers`: a list of (network, layer name, type, output shape, parameters).

    Returns:
        matplotlib Figure.

    Raises:
        ConfigError: the view lists no layers.
    """
    layers = view.layers
    if not layers:
        raise NotApplicable("architecture: this run's model lists no layers.")
    networks: dict[str, list] = {}
    for network, name, kind, shape, parameters in layers:
        networks.setdefault(str(network), []).append((str(name), str(kind), tuple(shape), int(parameters)))
    columns = {name: _rows(found) for name, found in networks.items()}
    per_line = len(columns) if len(columns) <= 4 else min(4, -(-len(columns) // 2))
    bands = [list(columns.items())[k : k + per_line] for k in range(0, len(columns), per_line)]
    sampled = _sampled(list(columns))
    deepest = [max(len(rows) + (name == sampled) for name, rows in band) for band in bands]
    step = float(np.clip(15.0 / max(sum(deepest), 1), 0.44, 0.62))
    heights = [0.55 + step * n for n in deepest]
    total = sum(p for _, _, _, _, p in layers)
    page = Page("Architecture", [view.name, f"{total:,} parameters in all"], sum(heights) + 0.1)
    width = (page.width - 2 * MARGIN) / per_line
    top, before = page.height, None
    for band, height in zip(bands, heights):
        for k, (name, rows) in enumerate(band):
            middle, widest = MARGIN + width * (k + 0.5), min(width - 0.3, WIDEST)
            first, left, level = _column(page, name, rows, middle, top, widest, step)
            if before is not None:
                _arrow(page, before, (left, first), elbow=middle - width / 2)
            before = _sampling(page, view, middle, level, widest, step) if name == sampled else None
        top, before = top - height, None  # no arrow across bands
    return page.figure


def _sampled(names: list[str]) -> str | None:
    """The network after which z is drawn: the last before the first decoder; None where there is no decoder."""
    first = next((k for k, name in enumerate(names) if name.startswith("decoder")), 0)
    return names[first - 1] if first else None


architecture.before_training = True


def _rows(layers) -> list[list]:
    """Layers one under another; heads that read the same features share a row."""
    rows = []
    for layer in layers:
        if rows and _head(layer) and _head(layer) == _head(rows[-1][0]):
            rows[-1].append(layer)
        else:
            rows.append([layer])
    return rows


def _head(layer) -> str:
    """What the names of a part's mean and spread have in common ("-" where nothing); "" for other layers."""
    found = [end for end in HEAD_NAMES if layer[1] == "Dense" and layer[0].endswith(end)]
    return (layer[0].removesuffix(found[0]) or "-") if found else ""


def _column(page, name, rows, middle, top, widest, step) -> tuple[float, float, float]:
    """Draws a network; returns the height and the left edge of its first box, and the height of the row below."""
    parameters = sum(p for row in rows for *_, p in row)
    page.text(name.replace("_", " "), middle, top - 0.12, size=TEXT + 1, ha="center", weight="bold")
    page.text(f"{parameters:,} parameters", middle, top - 0.33, size=SMALL, color=MUTED, ha="center")
    sizes = [np.log(max(2, np.prod(layer[2]))) for row in rows for layer in row]
    least, most = min(sizes), max(sizes)
    height = step * 0.76
    first = level = top - 0.55 - height / 2
    left = middle
    for k, row in enumerate(rows):
        share = widest / len(row)
        for j, layer in enumerate(row):
            size = (np.log(max(2, np.prod(layer[2]))) - least) / max(most - least, 1e-9)
            width = share * (0.72 + 0.28 * size) if len(row) == 1 else share - 0.06
            left = left if k else min(left, middle + share * (j - (len(row) - 1) / 2) - width / 2)
            _box(page, layer, middle + share * (j - (len(row) - 1) / 2), level, width, height)
        if k and row[0][1] != "InputLayer" and not (_head(row[0]) and _head(rows[k - 1][0])):
            _arrow(page, (middle, level + step - height / 2), (middle, level + height / 2))
        level -= step
    return first, left, level


def _sampling(page, view, x, y, widest, step) -> tuple[float, float]:
    """The node that draws z, dashed, for it is no layer; returns the middle of its right edge."""
    width, height = 0.86 * widest, 0.76 * step
    page.figure.add_artist(
        FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle=f"round,pad=0,rounding_size={height / 2}",
            facecolor="white", edgecolor=MUTED, linestyle=(0, (3, 2)), linewidth=0.9,
            transform=page.figure.dpi_scale_trans,
        )
    )  # fmt: skip
    below = "mean + std × eps,  eps ~ N(0, I)" if view.closed_form else counted(view.latent_dim, "latent")
    page.text("sampling:  z ~ q(z|x)", x, y + height * 0.22, size=SMALL, ha="center")
    page.text(
        shortened(below, SMALL - 0.5, width - 0.2), x, y - height * 0.24, size=SMALL - 0.5, ha="center", color=MUTED
    )
    _arrow(page, (x, y + step - height / 2), (x, y + height / 2))
    return x + width / 2, y


def _box(page, layer, x, y, width, height) -> None:
    name, kind, shape, parameters = layer
    background = next((c for part, c in COLOURS.items() if part in kind), OTHER)
    background = COLOURS["Conv"] if "Conv" in kind else background
    page.figure.add_artist(
        FancyBboxPatch(
            ((x - width / 2), (y - height / 2)), width, height, boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=background, edgecolor="none", transform=page.figure.dpi_scale_trans,
        )
    )  # fmt: skip
    name = name.rpartition(": ")[2]
    words = f"{kind.removesuffix('Layer')}  {name}"
    if name.lower().replace("_", "") == kind.lower():
        words = kind
    elif text_width(words, SMALL) > width - 0.12:
        words = name
    page.text(
        shortened(words, SMALL, width - 0.12), x, y + height * 0.22, size=SMALL, ha="center", color=INK
    )  # fmt: skip
    below = " × ".join(map(str, shape)) + (f"   {parameters:,} par." if parameters else "")
    page.text(
        shortened(below, SMALL - 0.5, width - 0.1), x, y - height * 0.24, size=SMALL - 0.5, ha="center", color=MUTED
    )


def _arrow(page, start, stop, elbow: float | None = None) -> None:
    """From point to point; across by a vertical line at `elbow`, straight where that is None."""
    corners = [start, stop] if elbow is None else [start, (elbow, start[1]), (elbow, stop[1]), stop]
    page.figure.add_artist(
        FancyArrowPatch(
            path=Path(corners), arrowstyle="-|>", mutation_scale=6, color=MUTED, linewidth=0.8,
            shrinkA=0, shrinkB=0, transform=page.figure.dpi_scale_trans,
        )
    )  # fmt: skip
