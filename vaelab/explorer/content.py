"""What the explorer shows of a run, as numbers: codes, colours, maps, small pictures, four pictures of Keras's own."""

import io
import math
from dataclasses import dataclass, field

import numpy as np

from vaelab.config import locate, words
from vaelab.errors import ConfigError
from vaelab.view import projections

NAMES = {"tsne": "t-SNE", "pca": "PCA"}
THUMBNAIL = 32  # pixels of the longer side, at most
MAX_THUMBNAILS = 20_000
PRIOR_DRAWS = 500  # that the page can show of a prior that is no Gaussian
GOLDEN_BYTES = 1 << 20  # of the pictures that travel for the self-check


@dataclass
class Content:
    """Arrays and facts of one page.

    Attributes:
        facts: everything the page reads as JSON.
        codes: (N, D) posterior means, float16 where that holds them.
        colours: (K, N) uint16, the value of each of K ways to colour; `NONE` where unknown.
        maps: (M, N, 2) float32, NaN where a code is not on that map.
        atlases: one WebP image per view with the small pictures in rows, or empty.
        golden_z, golden_y: a few codes and, in Keras's own numbers, their pictures: all views, flattened and joined.
    """

    facts: dict
    codes: np.ndarray
    colours: np.ndarray
    maps: np.ndarray
    golden_z: np.ndarray
    golden_y: np.ndarray
    atlases: list[bytes] = field(default_factory=list)


NONE = 65535


def content(view, *, run_line: str | None, settings: dict) -> Content:
    """Reads a `LatentView`.

    Args:
        run_line: how the run is named on the command line ("run=outputs/..."), or None.
        settings: the `explorer` node: split, points, projections, tsne_points, engine, perplexity, iterations,
            thumbnails.

    Raises:
        ConfigError: codes that are not numbers (a diverged run).
    """
    part = view.split(settings["split"])
    if not np.isfinite(part.mean).all():
        raise ConfigError(f"The codes of {view.name} hold NaN or infinity: this run has diverged, nothing to explore.")
    rows, maps, map_facts = _maps(view, part, settings)
    codes = _smallest(part.mean[rows])
    colours, ways = _colours(view, part, rows)
    golden_z, golden_y, shapes = _golden(view, codes)
    ranges = [_display_range(view, part, v) for v in range(view.n_views)]
    atlases, atlas_facts = _atlases(part, rows, ranges) if settings["thumbnails"] else ([], None)
    rate = part.rate_per_latent
    facts = {
        "title": view.name,
        "run": run_line,
        "split": settings["split"],
        "total": len(part),
        "rows": rows.tolist() if len(rows) < len(part) or not np.array_equal(rows, np.arange(len(rows))) else None,
        "n": len(rows),
        "latents": view.latent_dim,
        "parts": [{"name": _spoken(n), "start": s.start, "stop": s.stop} for n, s in view.parts.items()],
        "prior": _prior(view),
        "rate": None if rate is None else [round(float(r), 4) for r in rate.mean(axis=0)],
        "dataKind": view.data_kind,
        "views": [{"h": h, "w": w, "c": c, "range": list(r)} for (h, w, c), r in zip(shapes, ranges)],
        "colourings": ways,
        "maps": map_facts,
        "atlas": atlas_facts,
        "plots": locate.options("plot"),
    }
    return Content(facts, codes, colours, maps, golden_z, golden_y, atlases)


def refuse_condition(view) -> None:
    """ConfigError where the run decodes with a condition."""
    if view.condition is not None:
        raise ConfigError(
            "The explorer decodes codes alone, and this run decodes with a condition "
            f"(condition={view.condition.option}). Use vaelab generate, or plot=[samples,traversal]."
        )


def run_line(folder) -> str:
    """`run=FOLDER` as a shell and Hydra take it."""
    return words.pasteable(words.setting("run", folder))


def _prior(view) -> dict:
    """The prior's moments and, where they do not say all of it, draws."""
    facts = {"mean": _numbers(view.prior.mean), "std": _numbers(view.prior.std), "draws": None}
    if not view.prior.gaussian:
        facts["draws"] = [_numbers(z) for z in view.sample_prior(PRIOR_DRAWS, view.rng("plots", 8))]
    return facts


def _numbers(values) -> list[float]:
    return [round(float(v), 4) for v in values]


def _spoken(part: str) -> str:
    return part.replace("_", " ")


def _maps(view, part, settings):
    """(rows of the split in drawing order, maps (M, n, 2), what is known of each).

    The rows that are on the t-SNE map come first; then others up to `points`. Order within is random: no class is
    drawn above all others.
    """
    rng = view.rng("plots", 7)
    n = min(settings["points"], len(part))
    wanted = [] if view.latent_dim < 3 else list(settings["projections"])  # two latents are their own map
    if "tsne" in wanted and len(part) < 10:
        wanted.remove("tsne")
    first = np.array([], int)
    if "tsne" in wanted:
        options = {k: settings[k] for k in ("engine", "perplexity", "iterations")}
        tsne = projections.project(view, part.name, "tsne", min(n, settings["tsne_points"]), **options)
        first = rng.permutation(len(tsne.rows))
    chosen = np.zeros(len(part), bool)
    rows = np.array([], int)
    if len(first):
        rows = tsne.rows[first]
        chosen[rows] = True
    others = np.flatnonzero(~chosen)
    rows = np.concatenate([rows, rng.permutation(others)[: n - len(rows)]]).astype(int)
    maps, facts = [], []
    for method in wanted:
        points = np.full((n, 2), np.nan, np.float32)
        if method == "tsne":
            points[: len(first)] = tsne.points[first]
            note = tsne.note
        else:
            points[:], _, explained = projections.pca(np.asarray(part.mean[rows], np.float64), 2, 0)
            note = f"{explained.sum():.0%} of the codes' variance"
        maps.append(points)
        facts.append({"name": NAMES[method], "plot": method, "note": note, "n": int(np.isfinite(points[:, 0]).sum())})
    return rows, np.array(maps, np.float32).reshape(len(maps), n, 2), facts


def _smallest(codes):
    """float16 where it holds the codes, else float32."""
    with np.errstate(over="ignore"):
        small = codes.astype("<f2")
    return small if np.isfinite(small).all() else codes.astype("<f4")


def _colours(view, part, rows):
    """((K, n) uint16, [{name, kind, labels}]): classes, known factors, tags of each view."""
    values, ways = [], []
    if part.y is not None and view.class_names:
        values.append(part.y[rows])
        ways.append({"name": "class", "kind": "class", "labels": [str(n) for n in view.class_names]})
    if part.factors is not None:
        for k, (name, size) in enumerate(zip(view.factor_names, view.factor_sizes)):
            values.append(part.factors[rows, k])
            ways.append({"name": str(name), "kind": "ordinal", "labels": [str(v) for v in range(size)]})
    if part.tags is not None and view.tag_names:
        for v in range(part.tags.shape[1]):
            values.append(part.tags[rows, v])
            name = "tag" if part.tags.shape[1] == 1 else f"tag of view {v + 1}"
            ways.append({"name": name, "kind": "class", "labels": [str(n) for n in view.tag_names]})
    if not values:
        return np.zeros((0, len(rows)), "<u2"), []
    values = np.stack([np.asarray(v, np.int64) for v in values])
    return np.where((values < 0) | (values >= NONE), NONE, values).astype("<u2"), ways


def _golden(view, codes):
    """A few codes as they lie in the page, their pictures joined (n, sum of H W C), and the views' shapes."""
    z = codes[:1].astype(np.float32)
    shapes = [picture.shape[1:] for picture in view.decode(z)]
    size = 4 * sum(math.prod(s) for s in shapes)
    z = codes[: max(1, min(4, GOLDEN_BYTES // size))].astype(np.float32)
    return z, np.concatenate([p.reshape(len(z), -1) for p in view.decode(z)], axis=1).astype("<f4"), shapes


def _display_range(view, part, v) -> tuple[float, float]:
    """The values shown black and white: 0 and 1, or of real-valued data their 0.5 and 99.5 percentiles."""
    if view.data_kind != "real":
        return 0.0, 1.0
    low, high = np.percentile(part.images(slice(0, 500))[v], [0.5, 99.5])
    return round(float(low), 6), round(float(max(high, low + 1e-6)), 6)


def _atlases(part, rows, ranges):
    """(one WebP per view, {cols, n, sizes}): pictures of the first `MAX_THUMBNAILS` rows, side by side in rows."""
    rows = rows[:MAX_THUMBNAILS]
    n, columns = len(rows), math.ceil(math.sqrt(len(rows)))
    sheets: list[np.ndarray] = []
    for start in range(0, n, 500):  # all pictures at once may not fit into memory
        views = part.images(rows[start : start + 500])
        small = [_small(v, *limits) for v, limits in zip(views, ranges)]
        if not sheets:
            sheets = [np.zeros((-(-n // columns) * columns, *s.shape[1:]), np.uint8) for s in small]
        for sheet, pictures in zip(sheets, small):
            sheet[start : start + len(pictures)] = pictures
    sizes = [[s.shape[1], s.shape[2]] for s in sheets]
    return [_webp(s, columns) for s in sheets], {"cols": columns, "n": n, "sizes": sizes}


def _small(pictures, low, high):
    """(n, h, w) or (n, h, w, 3) uint8 of at most `THUMBNAIL` pixels a side."""
    from PIL import Image

    pictures = np.round(np.clip((pictures - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    pictures = pictures[..., 0] if pictures.shape[-1] < 3 else pictures[..., :3]
    height, width = pictures.shape[1:3]
    scale = THUMBNAIL / max(height, width)
    if scale >= 1:
        return pictures
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in pictures])


def _webp(sheet, columns):
    from PIL import Image

    rows, (height, width) = len(sheet) // columns, sheet.shape[1:3]
    grid = sheet.reshape(rows, columns, height, width, *sheet.shape[3:]).swapaxes(1, 2)
    image = Image.fromarray(np.ascontiguousarray(grid.reshape(rows * height, columns * width, *sheet.shape[3:])))
    out = io.BytesIO()
    tiny = height * width <= 16 * 16  # where a lossy block would span several pictures
    image.save(out, "WEBP", method=4, **({"lossless": True} if tiny else {"quality": 82}))
    return out.getvalue()
