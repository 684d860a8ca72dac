"""What the explorer shows of a run, as numbers: codes, what is known of each, maps, small pictures, and a few results
of Keras's own."""

import io
import math
from dataclasses import dataclass, field

import numpy as np

from vaelab.config import locate, words
from vaelab.errors import ConfigError
from vaelab.explorer.drawing import drawing
from vaelab.view import projections

NAMES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
SETTINGS = {"tsne": ("engine", "perplexity", "iterations"), "umap": ("neighbours", "min_dist")}  # of maps made by steps
THUMBNAIL = 32  # pixels of the longer side, at most
MAX_THUMBNAILS = 20_000
PRIOR_DRAWS = 500  # that the page can show of a prior that is no Gaussian
GOLDEN_BYTES = 1 << 20  # of the pictures that travel for the self-check
DRAWS, DRAW_BYTES = 16, 1 << 20  # of q(z|x) of each example where it is no Gaussian, at most


@dataclass
class Content:
    """Arrays and facts of one page.

    Attributes:
        facts: everything the page reads as JSON.
        codes: (N, D) posterior means, float16 where that holds them.
        stds: (N, D) posterior standard deviations, likewise.
        draws: (S, N, D) of q(z|x) where it is no Gaussian, likewise; S = 0 where it is one.
        colours: (K, N) uint16, the value of each of K ways to colour; `NONE` where unknown.
        numbers: (Q, N) float32 of each example, named in facts["numbers"].
        given: (N, F) float32, of each field of the condition the number of the choice, or the number in the column.
        maps: (M, N, 2) float32, NaN where a code is not on that map.
        atlases: one WebP image per view with the small pictures in rows, or empty.
        frames: of the epochs that training kept, or None.
        golden: {function of the page: (rows it takes, rows Keras makes of them)}: inputs and outputs, each joined.
    """

    facts: dict
    codes: np.ndarray
    stds: np.ndarray
    draws: np.ndarray
    colours: np.ndarray
    numbers: np.ndarray
    given: np.ndarray
    maps: np.ndarray
    golden: dict[str, tuple[np.ndarray, np.ndarray]]
    atlases: list[bytes] = field(default_factory=list)
    frames: "Frames | None" = None


@dataclass
class Frames:
    """What training kept of some of its epochs, of the same images and the same draws from the prior each time.

    Attributes:
        facts: {"epochs": [number], "images": M, "reconstructed": [place among the page's codes, or None],
            "samples": n, "sizes": [[h, w] per view]}.
        places: (M,) uint32, of each image its place among the page's codes.
        codes: (F, M, D) posterior means, float16 where that holds them.
        sheets: one WebP image per view, a row of reconstructions and then samples for each epoch.
    """

    facts: dict
    places: np.ndarray
    codes: np.ndarray
    sheets: list[bytes]


NONE = 65535


def content(view, *, run_line: str | None, settings: dict) -> Content:
    """Reads a `LatentView`.

    Args:
        run_line: how the run is named on the command line ("run=outputs/..."), or None.
        settings: the `explorer` node: split, points, projections, tsne_points, engine, perplexity, iterations,
            neighbours, min_dist, frames, thumbnails, encoder.

    Raises:
        ConfigError: codes that are not numbers (a diverged run).
    """
    part = view.split(settings["split"])
    if not np.isfinite(part.mean).all():
        raise ConfigError(f"The codes of {view.name} hold NaN or infinity: this run has diverged, nothing to explore.")
    rows, maps, map_facts = _maps(view, part, settings)
    codes = smallest(part.mean[rows])
    values, ways = colours(view, part, rows)
    numbers, named = _numbers_of(part, rows)
    ranges = [display_range(view, part, v) for v in range(view.n_views)]
    sheets, atlas_facts = atlases(part, rows, ranges) if settings["thumbnails"] else ([], None)
    rate, kept = part.rate_per_latent, frames(view, rows, settings)
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
        "condition": _condition(view, part),
        "noise": 0 if view.closed_form else view.eps_dim,
        "dataKind": view.data_kind,
        "views": [{"h": h, "w": w, "c": c, "range": list(r)} for (h, w, c), r in zip(view.data_shapes, ranges)],
        "colourings": ways,
        "numbers": named,
        "maps": map_facts,
        "frames": kept and kept.facts,
        "atlas": atlas_facts,
        "drawing": _drawing(view, part, ranges) if settings["encoder"] else None,
        "plots": locate.options("plot"),
    }
    return Content(
        facts, codes, smallest(part.std[rows]), _draws(view, part, rows), values, numbers, _given(view, part, rows),
        maps, golden(view, part, rows, codes, encoder=settings["encoder"]), sheets, kept,
    )  # fmt: skip


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
    return [float(f"{v:.7g}") for v in values]


def _condition(view, part) -> dict | None:
    """What the page needs to offer a condition; of a number the least and largest value of these images."""
    if view.condition is None:
        return None
    values = _given(view, part, slice(None))
    fields = [
        {
            "name": f.name,
            "choices": list(f.choices),
            "mean": f.mean,
            "std": f.std,
            "low": float(v.min()),
            "high": float(v.max()),
        }
        for f, v in zip(view.condition.fields, values.T)
    ]
    plots = [name for name in locate.options("plot") if "condition" in _settings_of(name)]
    return {"option": view.condition.option, "fields": fields, "columns": view.condition.dim, "plots": plots}


def _settings_of(plot: str) -> dict:
    import yaml

    return yaml.safe_load((locate.conf_dir() / "plot" / f"{plot}.yaml").read_text(encoding="utf-8")) or {}


def _given(view, part, rows) -> np.ndarray:
    """(N, F): of each field of the condition its choice's number, or its column."""
    if view.condition is None:
        return np.zeros((len(part.mean[rows]), 0), np.float32)
    (columns,), found, start = part.given(rows), [], 0
    for f in view.condition.fields:
        own = columns[:, start : start + max(1, len(f.choices))]
        found.append(own.argmax(axis=1) if f.choices else own[:, 0])
        start += own.shape[1]
    return np.stack(found, axis=1).astype(np.float32)


def _numbers_of(part, rows) -> tuple[np.ndarray, list[dict]]:
    """((Q, N), [{name, unit}]): terms of the ELBO of each image at one draw, mean posterior deviation over latents."""
    found = {"distortion": part.distortion[rows]}
    if part.rate is not None:
        rate = np.asarray(part.rate)[rows]
        found = {"elbo": -(found["distortion"] + rate), **found, "rate": rate}
    units = dict.fromkeys(found, "nats") | {"posterior std": ""}
    found["posterior std"] = part.std[rows].mean(axis=1)
    return np.stack(list(found.values())).astype("<f4"), [{"name": n, "unit": units[n]} for n in found]


def _draws(view, part, rows) -> np.ndarray:
    """(S, N, D) of q(z|x), S = 0 where mean and standard deviation say all of it."""
    s = 0 if view.closed_form else max(1, min(DRAWS, DRAW_BYTES // (2 * len(rows) * view.latent_dim)))
    if not s:
        return np.zeros((0, len(rows), view.latent_dim), "<f2")
    return smallest(part.sample_posterior(s, view.rng("plots", 9), rows))


def _drawing(view, part, ranges) -> list[dict]:
    """`drawing` of each view."""
    few = part.images(slice(0, 300))
    return [drawing((x - low) / (high - low)) for x, (low, high) in zip(few, ranges)]


def _spoken(part: str) -> str:
    return part.replace("_", " ")


def _maps(view, part, settings):
    """(rows of the split in drawing order, maps (M, n, 2), what is known of each).

    The rows that are on the t-SNE and UMAP maps, the same on both, come first; then others up to `points`. Order within
    is random: no class is drawn above all others. The map of a code that is no example's is known of PCA alone, which
    is linear: (z - centre) axes.
    """
    rng = view.rng("plots", 7)
    n = min(settings["points"], len(part))
    wanted = [] if view.latent_dim < 3 else list(settings["projections"])  # two latents are their own map
    if len(part) < 10:
        wanted = [method for method in wanted if method not in SETTINGS]
    made, chosen, first = {}, np.zeros(len(part), bool), np.array([], int)
    for method in wanted:
        if method in SETTINGS:
            options = {k: settings[k] for k in SETTINGS[method]}
            made[method] = projections.project(view, part.name, method, min(n, settings["tsne_points"]), **options)
    rows = np.array([], int)
    if made:
        on_maps = next(iter(made.values())).rows
        first = rng.permutation(len(on_maps))
        rows = on_maps[first]
        chosen[rows] = True
    others = np.flatnonzero(~chosen)
    rows = np.concatenate([rows, rng.permutation(others)[: n - len(rows)]]).astype(int)
    maps, facts = [], []
    for method in wanted:
        points, linear = np.full((n, 2), np.nan, np.float32), None
        if method in made:
            points[: len(first)] = made[method].points[first]
            note = made[method].note
        else:
            codes = np.asarray(part.mean[rows], np.float64)
            points[:], _, explained = projections.pca(codes, 2, 0)
            note = f"{explained.sum():.0%} of the codes' variance"
            centre = codes.mean(axis=0)
            axes = np.linalg.lstsq(codes - centre, np.asarray(points, np.float64), rcond=None)[0]
            linear = {"centre": _numbers(centre), "axes": [_numbers(axis) for axis in axes.T]}
        maps.append(points)
        shown = int(np.isfinite(points[:, 0]).sum())
        facts.append({"name": NAMES[method], "plot": method, "note": note, "n": shown, "linear": linear})
    return rows, np.array(maps, np.float32).reshape(len(maps), n, 2), facts


def frames(view, rows, settings) -> Frames | None:
    """The epochs that training kept, `settings["frames"]` at most, evenly; None where it kept none of these images."""
    kept = view.frames() if settings["split"] == "test" else []
    if not kept or not settings["frames"]:
        return None
    wanted = np.unique(np.linspace(0, len(kept) - 1, settings["frames"]).round().astype(int))
    kept = [kept[k] for k in (wanted if settings["frames"] > 1 else [len(kept) - 1])]
    place = {int(row): k for k, row in enumerate(rows)}
    first = kept[0][1]
    here = [k for k, row in enumerate(first["code_rows"]) if int(row) in place]
    if not here:
        return None
    sheets, sizes = [], []
    for v in range(view.n_views):
        shown = [
            _small(np.concatenate([f[f"reconstructions_{v}"], f[f"samples_{v}"]]) / np.float32(255), 0.0, 1.0)
            for _, f in kept
        ]
        sizes.append(list(shown[0].shape[1:3]))
        sheets.append(_webp(np.concatenate(shown), len(shown[0])))
    facts = {
        "epochs": [int(epoch) for epoch, _ in kept],
        "images": len(here),
        "reconstructed": [place.get(int(row)) for row in first["rows"]],
        "samples": len(first["samples_0"]),
        "sizes": sizes,
    }
    places = np.array([place[int(first["code_rows"][k])] for k in here], "<u4")
    return Frames(facts, places, smallest(np.stack([f["codes"][here] for _, f in kept])), sheets)


def smallest(codes):
    """float16 where it holds the codes, else float32."""
    with np.errstate(over="ignore"):
        small = codes.astype("<f2")
    return small if np.isfinite(small).all() else codes.astype("<f4")


def colours(view, part, rows):
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


def golden(view, part, rows, codes, *, encoder: bool) -> dict:
    """{function: (inputs joined (n, .), outputs joined (n, .))} of a few codes as they lie in the page.

    Args:
        encoder: whether images go in, too: the decoder then also gets one and ends in its log p(x|z).
    """
    size = 4 * sum(map(math.prod, view.data_shapes))
    n = max(1, min(4, GOLDEN_BYTES // size, len(codes)))
    z, images, given = codes[:n].astype(np.float32), part.images(rows[:n]), part.given(rows[:n])
    pictures = view.decode(z, *given)
    if not encoder:
        return {"decode": (_joined(z, *given), _joined(*pictures))}
    log_p = view.log_prob((*images, *given), z)[:, None]
    found = {"decode": (_joined(z, *given, *images), _joined(*pictures, log_p))}
    if view.closed_form:
        return found | {"encode": (_joined(*images, *given), _joined(*view.encode((*images, *given))))}
    noise = view.rng("plots", 10).standard_normal((n, view.eps_dim)).astype(np.float32)
    drawn = view.push((*images, *given), noise[None])[0][0]
    return found | {"encode": (_joined(*images, noise, *given), _joined(drawn))}


def _joined(*arrays) -> np.ndarray:
    return np.concatenate([np.reshape(a, (len(a), -1)) for a in arrays], axis=1).astype("<f4")


def display_range(view, part, v) -> tuple[float, float]:
    """The values shown black and white: 0 and 1, or of real-valued data their 0.5 and 99.5 percentiles."""
    if view.data_kind != "real":
        return 0.0, 1.0
    low, high = np.percentile(part.images(slice(0, 500))[v], [0.5, 99.5])
    return round(float(low), 6), round(float(max(high, low + 1e-6)), 6)


def atlases(part, rows, ranges):
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
