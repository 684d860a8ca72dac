"""`vaelab generate run=R z=[...]`: decode typed coordinates, or draws from the prior, with the run's decoder alone."""

import math
import re
from typing import Any

import numpy as np

from vaelab.compute import seeds
from vaelab.conditions.columns import Columns
from vaelab.config.plain import plain
from vaelab.errors import ConfigError
from vaelab.jobs import opening
from vaelab.jobs.page import load_model, require_models
from vaelab.system import memory, paths
from vaelab.system.files import atomic_file
from vaelab.system.streams import output

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LONGEST = 65_000  # pixels of a side


def run(cfg) -> None:
    """Writes one PNG (a grid where there are several images) and prints its path."""
    z, typed = plain(cfg)["z"], plain(cfg)["given"]["condition"]
    check_typed(z, cfg.n)
    folder, stored = opening.finished_run(cfg)
    given = conditions(folder, typed)
    if cfg.output is None:
        paths.output_folder("the run's figures", folder.path / "figures")
        path = folder.figure_file(_name(z, cfg, typed), "png")
    else:
        path = paths.output_file("output", cfg.output, PICTURES)
    require_models(folder, "decoder")
    opening.start_backend(stored)
    decoder = load_model(folder)
    shapes = decoder.output_shape if isinstance(decoder.output_shape, list) else [decoder.output_shape]
    latent_dim = decoder.inputs[0].shape[-1]
    each = cfg.n or len(_rows(z))
    check_size(each * (1 if given is None else len(given)), cfg, latent_dim, [shape[1:] for shape in shapes])
    if cfg.n is None:
        codes = coordinates(z, latent_dim)
    else:
        prior = opening.open_prior(folder, stored, latent_dim, [shape[1:] for shape in shapes])
        codes = prior.sample(cfg.n, seeds.generator(cfg.seed, "plots")).astype(np.float32)
    entries: Any = codes if given is None else [np.tile(codes, (len(given), 1)), np.repeat(given, len(codes), axis=0)]
    images = decoder.predict(entries, verbose=0)
    views = images if isinstance(images, list) else [images]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        _mosaic(views, cfg.scale, None if given is None or len(given) == 1 else each).save(temporary)
    output(str(path))


def conditions(folder, typed) -> np.ndarray | None:
    """(R, K) of what was typed; None in a run without a condition.

    Raises:
        ConfigError: none was typed where the run has one, one where it has none, or what it does not know.
    """
    known = folder.read_condition()
    if known is None:
        if typed is not None:
            raise ConfigError("condition would be ignored: this run has none (condition=none).")
        return None
    columns = Columns(known["option"], known["fields"])
    if typed is None:
        raise ConfigError(f"This run decodes with a condition: give condition=..., {columns.in_words()}.")
    return columns.read(typed, "condition")


def check_typed(z: list | None, n: int | None) -> None:
    """What can be said of z and n without the run.

    Raises:
        ConfigError: both or neither given, or z is no vector of finite numbers, nor several of one length.
    """
    if (z is None) == (n is None):
        raise ConfigError("generate: expected z=[...] (one coordinate for each latent) or n=<how many draws>.")
    for row in _rows(z) if z is not None else ():
        if not isinstance(row, list):
            raise ConfigError(f"z: expected numbers [a,b] or vectors [[a,b],[c,d]], got both: {z}.")
        if not row:
            raise ConfigError("z: expected at least one coordinate, got none.")
        if not all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in row):
            raise ConfigError(f"z: expected finite numbers, got {row}.")
        if max(map(abs, row)) > float(np.finfo(np.float32).max):
            raise ConfigError(f"z: expected numbers within float32, got {row}.")


def check_size(n: int, cfg, latent_dim: int, shapes) -> None:
    """ConfigError where codes, images and picture exceed memory, or the picture what an image may have."""
    pixels = sum(math.prod(shape) for shape in shapes)
    factors = [cfg.scale or _enlarged(n, *shape[:2]) for shape in shapes]
    drawn = sum(3 * n * (f * (h + 1)) * (f * (w + 1)) for f, (h, w, *_) in zip(factors, shapes))
    wanted = f"n={n:,}" if cfg.scale is None else f"n={n:,} scale={cfg.scale:,}" if cfg.n else f"scale={cfg.scale:,}"
    memory.require(n * (12 * latent_dim + 8 * pixels) + 3 * drawn, f"generate {wanted}", "Ask for less.")
    side = max(f * math.ceil(math.sqrt(n)) * (max(shape[:2]) + 1) for f, shape in zip(factors, shapes))
    if side > LONGEST:
        raise ConfigError(f"generate {wanted}: a picture of {side:,} pixels a side, and {LONGEST:,} is the most.")


def coordinates(z: list, latent_dim: int) -> np.ndarray:
    """(N, latent_dim) from z=[a,b] or z=[[a,b],[c,d]].

    Raises:
        ConfigError: the wrong number of coordinates.
    """
    for row in _rows(z):
        if len(row) != latent_dim:
            raise ConfigError(f"z: expected {latent_dim} coordinates (the run's latent_dim), got {len(row)}: {row}.")
    return np.asarray(_rows(z), np.float32)


def _rows(z: list) -> list:
    """The vectors of z."""
    return z if any(isinstance(row, list) for row in z) else [z]


def _name(z: list | None, cfg, condition) -> str:
    of = "" if condition is None else "_" + re.sub(r"\W+", "_", str(condition)).strip("_")[:40]
    if z is None:
        return f"generated_prior_{cfg.n}_seed{cfg.seed}{of}"
    return "generated_" + "_".join(f"{v:g}" for v in [v for row in _rows(z) for v in row][:12]) + of


def _enlarged(n: int, height: int, width: int) -> int:
    """How often each pixel is repeated where nothing was typed."""
    return max(1, (200 if n == 1 else 96) // max(height, width))


def _mosaic(views, scale, columns: int | None = None):
    """All images in a grid, each enlarged to about 200 pixels without smoothing.

    Args:
        columns: of the grid; None for as near to square as possible.
    """
    from PIL import Image

    from vaelab.plots.grid import to_rgb
    from vaelab.report.pictures import tiles

    strips = []
    for images in views:
        n, height, width, _ = images.shape
        factor = scale or _enlarged(n, height, width)
        page = tiles(to_rgb(images), columns or math.ceil(math.sqrt(n)), scale_to=1)
        strips.append(page.repeat(factor, axis=0).repeat(factor, axis=1))
    height = max(s.shape[0] for s in strips)
    strips = [np.pad(s, ((0, height - s.shape[0]), (0, 8), (0, 0)), constant_values=255) for s in strips]
    return Image.fromarray(np.concatenate(strips, axis=1)[:, :-8])
