"""`vaelab generate run=R z=[...]`: decode typed coordinates, or draws from the prior, with the run's decoder alone."""

import math

import numpy as np

from vaelab.compute import seeds
from vaelab.errors import ConfigError
from vaelab.jobs import opening
from vaelab.jobs.page import load_model, require_models
from vaelab.system import memory, paths
from vaelab.system.files import atomic_file
from vaelab.system.streams import output

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LONGEST = 65_000  # pixels of a side


def run(cfg) -> int:
    """Writes one PNG (a grid where there are several images) and prints its path."""
    check_typed(cfg)
    folder, stored = opening.finished_run(cfg)
    if cfg.output is None:
        paths.output_folder("the run's figures", folder.path / "figures")
        path = folder.figure_file(_name(cfg), "png")
    else:
        path = paths.output_file("output", cfg.output, PICTURES)
    require_models(folder, "decoder")
    opening.start_backend(stored)
    decoder = load_model(folder)
    shapes = decoder.output_shape if isinstance(decoder.output_shape, list) else [decoder.output_shape]
    check_size(cfg, decoder.input_shape[-1], [shape[1:] for shape in shapes])
    z = coordinates(cfg, folder, stored, decoder.input_shape[-1])
    images = decoder.predict(z, verbose=0)
    views = images if isinstance(images, list) else [images]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        _mosaic(views, cfg.scale).save(temporary)
    output(str(path))
    return 0


def check_typed(cfg) -> None:
    """What can be said of z and n without the run.

    Raises:
        ConfigError: both or neither given, or z is no vector of finite numbers, nor several of one length.
    """
    if (cfg.z is None) == (cfg.n is None):
        raise ConfigError("generate: expected z=[...] (one coordinate for each latent) or n=<how many draws>.")
    if cfg.z is None:
        return
    rows = _rows(cfg.z)
    if not all(isinstance(row, list) for row in rows):
        raise ConfigError(f"z: expected numbers [a,b] or vectors [[a,b],[c,d]], got both: {list(map(_plain, cfg.z))}.")
    for row in rows:
        if not row:
            raise ConfigError("z: expected at least one coordinate, got none.")
        if not all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in row):
            raise ConfigError(f"z: expected finite numbers, got {row}.")
        if max(map(abs, row)) > float(np.finfo(np.float32).max):
            raise ConfigError(f"z: expected numbers within float32, got {row}.")


def check_size(cfg, latent_dim: int, shapes) -> None:
    """ConfigError where codes, images and picture exceed memory, or the picture what an image may have."""
    n = cfg.n or len(_rows(cfg.z))
    pixels = sum(math.prod(shape) for shape in shapes)
    factors = [cfg.scale or _enlarged(n, *shape[:2]) for shape in shapes]
    drawn = sum(3 * n * (f * (h + 1)) * (f * (w + 1)) for f, (h, w, *_) in zip(factors, shapes))
    wanted = f"n={n:,}" if cfg.scale is None else f"n={n:,} scale={cfg.scale:,}" if cfg.n else f"scale={cfg.scale:,}"
    memory.require(n * (12 * latent_dim + 8 * pixels) + 3 * drawn, f"generate {wanted}", "Ask for less.")
    side = max(f * math.ceil(math.sqrt(n)) * (max(shape[:2]) + 1) for f, shape in zip(factors, shapes))
    if side > LONGEST:
        raise ConfigError(f"generate {wanted}: a picture of {side:,} pixels a side, and {LONGEST:,} is the most.")


def coordinates(cfg, folder, stored, latent_dim: int) -> np.ndarray:
    """(N, latent_dim) from z=[a,b], z=[[a,b],[c,d]] or n draws from the prior.

    Raises:
        ConfigError: see `check_typed`; or the wrong number of coordinates.
    """
    check_typed(cfg)
    if cfg.n is not None:
        prior = opening.open_prior(folder, stored, latent_dim)
        return prior.sample(cfg.n, seeds.generator(cfg.seed, "plots")).astype(np.float32)
    rows = _rows(cfg.z)
    for row in rows:
        if len(row) != latent_dim:
            raise ConfigError(f"z: expected {latent_dim} coordinates (the run's latent_dim), got {len(row)}: {row}.")
    return np.asarray(rows, np.float32)


def _rows(z) -> list:
    """The vectors of z as lists; what is none stays as it is."""
    rows = list(map(_plain, z))
    return rows if any(isinstance(row, list) for row in rows) else [rows]


def _plain(value):
    return list(value) if _is_row(value) else value


def _is_row(value) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str) and not hasattr(value, "keys")


def _name(cfg) -> str:
    if cfg.n is not None:
        return f"generated_prior_{cfg.n}_seed{cfg.seed}"
    flat = np.asarray([v for r in cfg.z for v in (r if _is_row(r) else [r])], float)
    return "generated_" + "_".join(f"{v:g}" for v in flat[:12])


def _enlarged(n: int, height: int, width: int) -> int:
    """How often each pixel is repeated where nothing was typed."""
    return max(1, (200 if n == 1 else 96) // max(height, width))


def _mosaic(views, scale):
    """All images in a grid as near to square as possible, each enlarged to about 200 pixels without smoothing."""
    from PIL import Image

    strips = []
    for images in views:
        images = (np.clip(images, 0, 1) * 255).round().astype(np.uint8)
        images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images[..., :3]
        n, height, width, _ = images.shape
        factor = scale or _enlarged(n, height, width)
        columns = int(np.ceil(np.sqrt(n)))
        canvas = np.full((-(-n // columns) * (height + 1) - 1, columns * (width + 1) - 1, 3), 255, np.uint8)
        for k, image in enumerate(images):
            top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
            canvas[top : top + height, left : left + width] = image
        strips.append(canvas.repeat(factor, axis=0).repeat(factor, axis=1))
    height = max(s.shape[0] for s in strips)
    strips = [np.pad(s, ((0, height - s.shape[0]), (0, 8), (0, 0)), constant_values=255) for s in strips]
    return Image.fromarray(np.concatenate(strips, axis=1)[:, :-8])
