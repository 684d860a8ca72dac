"""The networks layer by layer: type, name, output shape, parameters."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from vaelab.errors import NotApplicable
from vaelab.plots.style import INK, MARGIN, MUTED, SMALL, TEXT, Page, shortened, text_width

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
    deepest = [max(len(rows) for _, rows in band) for band in bands]
    step = float(np.clip(15.0 / max(sum(deepest), 1), 0.44, 0.62))
    heights = [0.55 + step * n for n in deepest]
    total = sum(p for _, _, _, _, p in layers)
    page = Page("Architecture", [view.name, f"{total:,} parameters in all"], sum(heights) + 0.1)
    width = (page.width - 2 * MARGIN) / per_line
    top = page.height
    for band, height in zip(bands, heights):
        for k, (name, rows) in enumerate(band):
            middle = MARGIN + width * (k + 0.5)
            _column(page, name, rows, middle, top, min(width - 0.25, WIDEST), step)
        top -= height
    return page.figure


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


def _column(page, name, rows, middle, top, widest, step) -> None:
    parameters = sum(p for row in rows for *_, p in row)
    page.text(name.replace("_", " "), middle, top - 0.12, size=TEXT + 1, ha="center", weight="bold")
    page.text(f"{parameters:,} parameters", middle, top - 0.33, size=SMALL, color=MUTED, ha="center")
    sizes = [np.log(max(2, np.prod(layer[2]))) for row in rows for layer in row]
    least, most = min(sizes), max(sizes)
    height = step * 0.76
    level = top - 0.55 - height / 2
    for k, row in enumerate(rows):
        share = widest / len(row)
        for j, layer in enumerate(row):
            size = (np.log(max(2, np.prod(layer[2]))) - least) / max(most - least, 1e-9)
            width = share * (0.72 + 0.28 * size) if len(row) == 1 else share - 0.06
            _box(page, layer, middle + share * (j - (len(row) - 1) / 2), level, width, height)
        if k and row[0][1] != "InputLayer" and not (_head(row[0]) and _head(rows[k - 1][0])):
            _arrow(page, middle, level + step - height / 2, level + height / 2)
        level -= step


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


def _arrow(page, x, start, stop) -> None:
    page.figure.add_artist(
        FancyArrowPatch(
            (x, start), (x, stop), arrowstyle="-|>", mutation_scale=6, color=MUTED, linewidth=0.8, shrinkA=0, shrinkB=0,
            transform=page.figure.dpi_scale_trans,
        )
    )  # fmt: skip
