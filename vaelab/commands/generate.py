"""`vaelab generate run=R z=[...]`: decode typed coordinates, or draws from the prior, with the run's decoder alone."""

from pathlib import Path

import numpy as np

from vaelab import seeds
from vaelab.commands import opening
from vaelab.errors import ConfigError, RunError


def run(cfg) -> int:
    """Writes one PNG (a grid where there are several images) and prints its path."""
    folder, stored = opening.finished_run(cfg)
    if not folder.model_file("decoder").is_file():
        raise RunError(f"{folder} has no decoder.h5 (its state is {folder.status().get('state', 'unknown')}).")
    opening.start_backend(stored)
    import keras

    try:
        decoder = keras.models.load_model(folder.model_file("decoder"), compile=False)
    except Exception as error:
        raise RunError(f"{folder.model_file('decoder')} cannot be read: {_first_line(error)}") from None
    z = coordinates(cfg, decoder.input_shape[-1])
    images = decoder.predict(z, verbose=0)
    views = images if isinstance(images, list) else [images]
    path = Path(cfg.output) if cfg.output else folder.figure_file(_name(cfg), "png")
    path.parent.mkdir(parents=True, exist_ok=True)
    _mosaic(views, cfg.scale).save(path)
    print(path)
    return 0


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def coordinates(cfg, latent_dim: int) -> np.ndarray:
    """(N, latent_dim) from z=[a,b], z=[[a,b],[c,d]] or n draws from N(0, I).

    Raises:
        ConfigError: both or neither given, or the wrong number of coordinates.
    """
    if (cfg.z is None) == (cfg.n is None):
        raise ConfigError(f"generate: expected z=[...] ({latent_dim} coordinates) or n=<how many draws>, one of them.")
    if cfg.n is not None:
        return seeds.generator(cfg.seed, "plots").standard_normal((cfg.n, latent_dim)).astype(np.float32)
    rows = [list(r) if _is_row(r) else r for r in cfg.z]
    rows = rows if rows and isinstance(rows[0], list) else [rows]
    for row in rows:
        if len(row) != latent_dim:
            raise ConfigError(f"z: expected {latent_dim} coordinates (the run's latent_dim), got {len(row)}: {row}.")
        if not all(isinstance(v, (int, float)) and np.isfinite(v) for v in row):
            raise ConfigError(f"z: expected finite numbers, got {row}.")
    return np.asarray(rows, np.float32)


def _is_row(value) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)


def _name(cfg) -> str:
    if cfg.n is not None:
        return f"generated_prior_{cfg.n}_seed{cfg.seed}"
    flat = np.asarray([v for r in cfg.z for v in (r if _is_row(r) else [r])], float)
    return "generated_" + "_".join(f"{v:g}" for v in flat[:12])


def _mosaic(views, scale):
    """All images in a grid as near to square as possible, each enlarged to about 200 pixels without smoothing."""
    from PIL import Image

    strips = []
    for images in views:
        images = (np.clip(images, 0, 1) * 255).round().astype(np.uint8)
        images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images[..., :3]
        n, height, width, _ = images.shape
        factor = scale or max(1, 200 // max(height, width) if n == 1 else 96 // max(height, width))
        columns = int(np.ceil(np.sqrt(n)))
        canvas = np.full((-(-n // columns) * (height + 1) - 1, columns * (width + 1) - 1, 3), 255, np.uint8)
        for k, image in enumerate(images):
            top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
            canvas[top : top + height, left : left + width] = image
        strips.append(canvas.repeat(factor, axis=0).repeat(factor, axis=1))
    height = max(s.shape[0] for s in strips)
    strips = [np.pad(s, ((0, height - s.shape[0]), (0, 8), (0, 0)), constant_values=255) for s in strips]
    return Image.fromarray(np.concatenate(strips, axis=1)[:, :-8])
