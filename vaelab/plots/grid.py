"""Grids of images: exact pixels, right aspect, no smoothing, grey values on the fixed range 0 to 1.

Data without height, (1, W, C), are drawn as bars of that range.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from vaelab.plots.animation import rendered
from vaelab.plots.style import MARGIN, MUTED, NARROW, SMALL, TEXT, Page, layout, shortened, text_width

GAP = 0.03  # inches between tiles
NARROWEST = 4.5  # inches of a page with few tiles
LARGEST_TILE = 1.7  # inches
LARGEST_BODY = 13.0  # inches
HIGHEST_DPI = 400
ROW_GAP = 0.14  # inches between groups of rows
BAR, PAPER, FLOOR = (0.0, 0.45, 0.70), 0.955, 0.6  # colour of bars, grey behind and grey below them
OUTLINE = 205  # grey around tiles that would melt into the page


class Block(NamedTuple):
    """One rectangle of tiles.

    Attributes:
        images: (R, C, H, W, channels) in [0, 1]; a tile of NaN stays empty.
        heading: text above the block.
        rows: label left of each row, or ().
        columns: label of each column, or ().
        above: {row: C texts} written over the tiles of a row.
        gap_before: rows that stand apart from the row above.
    """

    images: np.ndarray
    heading: str = ""
    rows: tuple = ()
    columns: tuple = ()
    above: dict = {}  # noqa: RUF012
    gap_before: tuple = ()


class Placed(NamedTuple):
    """A block on its page, in inches.

    Attributes:
        lefts: (C,) left edge of each column of tiles.
        bottoms: (R,) lower edge of each row of tiles.
        width, height: of a tile.
        image: the matplotlib image of all tiles.
        paint: function (R, C, H, W, channels) -> what `image` shows for these tiles.
        page: the `Page`.
    """

    lefts: list[float]
    bottoms: list[float]
    width: float
    height: float
    image: object
    paint: object
    page: Page


def to_rgb(images: np.ndarray) -> np.ndarray:
    """uint8 (..., H, W, 3) from (..., H, W, 1 or 3) in [0, 1]; values outside are clipped, NaN is white."""
    clipped = np.nan_to_num(np.clip(np.asarray(images, np.float32), 0, 1), nan=1.0)
    pixels = np.round(clipped * 255).astype(np.uint8)
    if pixels.shape[-1] == 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=-1)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels[..., :3]


def picture_size(height: int, width: int, channels: int = 1) -> tuple[int, int]:
    """(H, W) of what is drawn of a tile: bars of a vector, two thirds as high as wide; else its own."""
    if height > 1:
        return height, width
    n = width * channels
    wide = n * (1 + _thick(n)) + 1
    return round(wide * 2 / 3), wide


def _thick(n: int) -> int:
    """Pixels of each of n bars, which have one between them."""
    return max(1, round(48 / n) - 1)


def as_picture(tile: np.ndarray) -> np.ndarray:
    """(H, W, channels) in [0, 1]: a vector's bars, from the left its values and of each its channels; else itself."""
    if len(tile) > 1:
        return tile
    values = np.clip(tile.reshape(-1), 0, 1)
    high, wide = picture_size(*tile.shape)
    thick = _thick(len(values))
    levels = 1 - (np.arange(high) + 0.5) / high  # from the top
    canvas = np.full((high, wide, 3), PAPER, np.float32)
    for k, value in enumerate(values):
        left = 1 + k * (thick + 1)
        canvas[levels < value, left : left + thick] = BAR
    canvas[-1] = FLOOR
    return canvas


def enlarged(tile: np.ndarray, height: int, width: int) -> np.ndarray:
    """A uint8 (H, W, 3) tile at another size: exact repetition where that is possible, else Lanczos."""
    h, w = tile.shape[:2]
    if height % h == 0 and width % w == 0:
        return tile.repeat(height // h, axis=0).repeat(width // w, axis=1)
    return np.asarray(Image.fromarray(tile).resize((width, height), Image.Resampling.LANCZOS))


def same_shape(views) -> list[np.ndarray]:
    """Views (N, H, W, C) with one size and number of channels, so that their tiles can share a block."""
    views = [np.asarray(v, np.float32) for v in views]
    if len({v.shape[1:] for v in views}) == 1:
        return views
    height, width = np.max([picture_size(*v.shape[1:]) for v in views], axis=0)
    shown = ([enlarged(to_rgb(as_picture(image)), height, width) for image in v] for v in views)
    return [np.stack(v) / np.float32(255) for v in shown]


def folded(images: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, C) as rows of `columns` tiles (R, columns, H, W, C), the rest empty (NaN)."""
    n = len(images)
    rows = -(-n // columns)
    out = np.full((rows * columns, *images.shape[1:]), np.nan, np.float32)
    out[:n] = images
    return out.reshape(rows, columns, *images.shape[1:])


def tiled(images: np.ndarray, gutter: int = 0) -> np.ndarray:
    """A grid of tiles (..., R, C, H, W, channels) as one image (..., R * H, C * W, channels).

    Args:
        gutter: pixels of NaN, which is shown white, between tiles.
    """
    if gutter:
        around = [(0, 0)] * (images.ndim - 3) + [(0, gutter), (0, gutter), (0, 0)]
        images = np.pad(images, around, constant_values=np.nan)
        return tiled(images)[..., :-gutter, :-gutter, :]
    *lead, rows, columns, height, width, channels = images.shape
    swapped = np.moveaxis(images, -4, -3)  # (..., R, H, C, W, channels)
    return swapped.reshape(*lead, rows * height, columns * width, channels)


def square(n: int, height: int = 1, width: int = 1, blocks: int = 1, tile: float = LARGEST_TILE) -> int:
    """Columns of a grid of n tiles, none larger than `tile` inches, that fills the page's width.

    Near the number that makes it about as wide as high, one is taken that leaves no hole in the last row, where there
    is one.
    """
    height, width = picture_size(height, width)
    fitting = (layout().width - 2 * MARGIN) / blocks / (tile * min(1.0, width / height))
    ideal = max(1.0, float(np.sqrt(n * height / width * 1.2 / blocks)), min(n, fitting))
    near = [c for c in range(1, n + 1) if 0.75 <= c / ideal <= 1.4]
    whole = [c for c in near if n % c == 0]
    return min(whole or near or [max(1, min(n, round(ideal)))], key=lambda c: abs(np.log(c / ideal)))


def number(value: float, digits: int = 2) -> str:
    """A coordinate with a true minus sign."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def grid_figure(blocks, *, title, facts, **layout):
    """A figure of blocks side by side; see `place_grid`.

    Returns:
        matplotlib Figure.
    """
    return place_grid(blocks, title=title, facts=facts, **layout)[0].figure


def grid_frames(frames, captions, *, title, facts, **layout) -> list[np.ndarray]:
    """Pictures of grids that differ in tiles and in one line of text, for an animation.

    Args:
        frames: lists of `Block`s, alike but for their images.
        captions: one text per frame, under the grid.
    Returns:
        list of uint8 (H, W, 3).
    """
    page, placed = place_grid(frames[0], title=title, facts=facts, below=0.34, page_width=NARROW, **layout)
    caption = page.text("", NARROW / 2, 0.3, size=TEXT + 1, ha="center")
    shown = []
    for blocks, text in zip(frames, captions):
        for spot, block in zip(placed, blocks):
            spot.image.set_data(spot.paint(block.images))
        caption.set_text(text)
        shown.append(rendered(page.figure))
    return shown


def place_grid(
    blocks, *, title, facts, gap=GAP, between=0.3, x_label="", y_label="", columns_below=False,
    largest_tile=LARGEST_TILE, largest_body=LARGEST_BODY, below=0.0, page_width=None,
):  # fmt: skip
    """Blocks side by side as wide as the page allows, every source pixel a whole number of pixels; where the tiles are
    as large as they may be, the page is as narrow as they need.

    Args:
        blocks: `Block`s; tiles of all have equal height on the page.
        title, facts: see `Page`.
        gap: inches between tiles (0: none at all).
        between: inches between blocks.
        x_label, y_label: axis labels of each block.
        columns_below: column labels under the tiles, like ticks, instead of above.
        largest_tile, largest_body: inches.
        below: inches left free under the grid.
        page_width: inches, whatever the tiles need (None: at most those of `layout`).
    Returns:
        (Page, [Placed per block]).
    """
    fixed, page_width = page_width, page_width or layout().width
    label_widths = [_label_width(b) + (0.26 if y_label else 0.0) for b in blocks]
    room = page_width - 2 * MARGIN - between * (len(blocks) - 1) - sum(label_widths)
    head = 0.26 if any(b.heading for b in blocks) else 0.0
    column_band = 0.22 if any(len(b.columns) for b in blocks) else 0.0
    around = head + column_band + (0.26 if x_label else 0.0) + MARGIN + below
    overheads = [_overhead(b, gap) for b in blocks]
    shapes = [(*b.images.shape[:2], *picture_size(*b.images.shape[2:])) for b in blocks]

    units = sum(s[1] * s[3] / s[2] for s in shapes)  # widths of all tiles, in tile heights
    gaps = sum((s[1] - 1) * gap for s in shapes)
    height = min(
        (room - gaps) / units,
        *(largest_tile * min(1.0, s[2] / s[3]) for s in shapes),
        *((largest_body - around - o) / s[0] for s, o in zip(shapes, overheads)),
    )
    pixels, dpi = _resolution(shapes[0][2], max(height, 0.02))

    body = around + max(o + s[0] * pixels / dpi for o, s in zip(overheads, shapes))
    used = page_width - 2 * MARGIN - room + gaps + sum(s[1] * round(pixels * s[3] / s[2]) / dpi for s in shapes)
    if fixed is None:
        page_width = min(page_width, max(NARROWEST, used + 2 * MARGIN))
    page = Page(title, facts, body, dpi, page_width)
    left = max(MARGIN, (page_width - used) / 2)
    top = body - head - (0.0 if columns_below else column_band)
    placed = []
    for block, label_width in zip(blocks, label_widths):
        left += label_width
        spot = _draw(page, block, left, top, pixels, gap, columns_below)
        right = spot.lefts[-1] + spot.width
        middle = (left + right) / 2
        if block.heading:
            fitting = shortened(block.heading, TEXT, right - left + between)
            page.text(fitting, middle, body - head / 2 + 0.02, size=TEXT, ha="center", weight="bold")
        if x_label:
            page.text(x_label, middle, spot.bottoms[-1] - column_band * columns_below - 0.13, ha="center")
        if y_label:
            level = (spot.bottoms[0] + spot.height + spot.bottoms[-1]) / 2
            page.text(y_label, left - label_width + 0.12, level, ha="center", rotation=90)
        left = right + between
        placed.append(spot)
    return page, placed


def _resolution(source: int, height: float) -> tuple[int, int]:
    """(pixels, dpi) that show `source` image pixels as a whole multiple on at most `height` inches."""
    times = max(1, int(np.ceil(height * layout().dpi / source - 1e-6)))
    dpi = int(np.ceil(times * source / height - 1e-6))
    highest = max(HIGHEST_DPI, layout().dpi)
    if dpi > highest:
        return max(1, int(height * highest)), highest
    return times * source, dpi


def _label_width(block: Block) -> float:
    widest = max((text_width(line, SMALL) for label in block.rows for line in label.split("\n")), default=0.0)
    return widest + 0.1 if widest else 0.0


def _overhead(block: Block, gap: float) -> float:
    """Inches of a block's height that are not tiles."""
    bands = sum(_band(block, r) for r in range(len(block.images)))
    return (len(block.images) - 1) * gap + bands


def _band(block: Block, row: int) -> float:
    """Inches left over a row of tiles: for its texts, and to set it apart."""
    lines = max((label.count("\n") + 1 for label in block.above.get(row, ())), default=0)
    return (0.06 + 0.14 * lines if lines else 0.0) + (ROW_GAP if row in block.gap_before else 0.0)


def _draw(page, block, left, top, pixels, gap, columns_below) -> Placed:
    dpi = page.dpi
    n_rows, n_columns, *size = block.images.shape
    height, width = picture_size(*size)
    tile_height, tile_width = pixels, max(1, round(pixels * width / height))
    total_height = round(page.figure.get_size_inches()[1] * dpi)

    x = [round(left * dpi) + c * (tile_width + round(gap * dpi)) for c in range(n_columns)]
    y, cursor = [], total_height - round(top * dpi)  # pixels from the top of the page
    for r in range(n_rows):
        cursor += round(_band(block, r) * dpi)
        y.append(cursor)
        cursor += tile_height + round(gap * dpi)
    high, wide = y[-1] + tile_height - y[0] + 2, x[-1] + tile_width - x[0] + 2  # a pixel around for outlines
    outlined = round(gap * dpi) >= 3 and _melts(block.images)

    def paint(images):
        canvas = np.full((high, wide, 3), 255, np.uint8)
        for r in range(n_rows):
            for c in range(n_columns):
                if not np.isnan(images[r, c]).all():
                    tile = enlarged(to_rgb(as_picture(images[r, c])), tile_height, tile_width)
                    top, left = y[r] - y[0], x[c] - x[0]
                    if outlined:
                        canvas[top : top + tile_height + 2, left : left + tile_width + 2] = OUTLINE
                    canvas[top + 1 : top + 1 + tile_height, left + 1 : left + 1 + tile_width] = tile
        return canvas

    ax = page.axes((x[0] - 1) / dpi, (total_height - y[0] + 1 - high) / dpi, wide / dpi, high / dpi)
    image = ax.imshow(paint(block.images), interpolation="none", aspect="auto")
    ax.set_axis_off()
    spot = Placed(
        [v / dpi for v in x], [(total_height - v - tile_height) / dpi for v in y], tile_width / dpi, tile_height / dpi,
        image, paint, page,
    )  # fmt: skip
    _write(spot, block, gap, columns_below)
    return spot


def _write(spot: Placed, block: Block, gap: float, columns_below: bool) -> None:
    """Labels of rows, columns and tiles."""
    for r, label in enumerate(block.rows):
        level = spot.bottoms[r] + spot.height / 2
        spot.page.text(label, spot.lefts[0] - 0.07, level, size=SMALL, ha="right", linespacing=1.15)
    level = spot.bottoms[-1] - 0.11 if columns_below else spot.bottoms[0] + spot.height + _band(block, 0) + 0.1
    for c, label in enumerate(block.columns):
        spot.page.text(label, spot.lefts[c] + spot.width / 2, level, size=SMALL, ha="center")
    for r, labels in block.above.items():
        for c, label in enumerate(labels):
            lines = label.split("\n")
            for k, line in enumerate(lines):
                fitting = shortened(line, SMALL - 0.5, spot.width + gap / 2)
                level = spot.bottoms[r] + spot.height + 0.055 + 0.14 * (len(lines) - 1 - k)
                spot.page.text(
                    fitting, spot.lefts[c] + spot.width / 2, level, size=SMALL - 0.5, color=MUTED, ha="center",
                    va="baseline",
                )  # fmt: skip


def _melts(images: np.ndarray) -> bool:
    """Whether some tile has nearly white pixels on its border, as the page is white."""
    edges = [images[..., 0, :, :], images[..., -1, :, :], images[..., :, 0, :], images[..., :, -1, :]]
    return images.shape[2] > 1 and any(bool((np.nan_to_num(e).min(axis=-1) > 0.9).any()) for e in edges)


def thinned(labels, tile: float, widest: float = 0.4) -> list[str]:
    """Tick labels with as many left out, evenly, as tiles of `tile` inches leave no room for."""
    every = max(1, int(np.ceil(widest / max(tile, 1e-6))))
    return [label if k % every == 0 else "" for k, label in enumerate(labels)]
