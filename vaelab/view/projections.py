"""Two- and three-dimensional maps of codes: PCA, t-SNE, UMAP. Read by pictures and the explorer, computed once.

Codes are the posterior means. The methods' randomness comes from the run's "plots" stream.
"""

import hashlib
import json
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary
from zipfile import BadZipFile

import numpy as np

from vaelab.errors import ConfigError
from vaelab.system.files import atomic_file

NO_SHARES = np.empty(0)  # of variance: t-SNE and UMAP have no axes that explain it
ANGLE = 0.9  # scikit-learn's own is 0.5: slower, and neighbours are kept no better (benchmarks/README.md)
_CACHE: WeakKeyDictionary = WeakKeyDictionary()  # view -> {key: Projection}


class Projection(NamedTuple):
    """A map of some images of a split.

    Attributes:
        points: (n, k) float32 coordinates.
        rows: (n,) rows of the split, ascending.
        total: images in the split.
        note: method and settings for the small print ("scikit-learn, perplexity 30").
        explained: (k,) share of the codes' variance on each axis (PCA), else (0,).
        own: (m, k) the run's own test images on the same map, of a view on other images; else (0, k).
    """

    points: np.ndarray
    rows: np.ndarray
    total: int
    note: str
    explained: np.ndarray = NO_SHARES
    own: np.ndarray = np.empty((0, 2))


def project(view, split: str, method: str, n: int, *, components: int = 2, folder=None, **settings) -> Projection:
    """Posterior means of n images of a split (all where there are fewer), mapped to `components` dimensions.

    Where the view is on images that the run was not trained on, n of its own test images lie on the same map.

    Args:
        split: "train", "validation" or "test".
        method: "pca", "tsne" or "umap".
        n: images; drawn at random, the same ones for every method.
        folder: where maps are kept on disk between processes; None keeps them in memory only.
        settings: tsne: engine ("scikit-learn" or "opentsne"), perplexity, iterations; umap: neighbours, min_dist.

    Raises:
        ConfigError: the method's package is not installed, or there are too few images.
    """
    if view.own is None:
        n = min(n, len(view.split(split)))  # the picture and the explorer ask for different numbers of few images
    key = json.dumps([split, method, n, components, settings], sort_keys=True)
    kept = _CACHE.setdefault(view, {})
    if key not in kept:
        kept[key] = _from_disk_or_fresh(view, split, method, n, components, settings, key, folder)
    return kept[key]


def _from_disk_or_fresh(view, split, method, n, components, settings, key, folder) -> Projection:
    total = len(view.split(split))
    rows = _rows(view, split, n)
    codes = np.ascontiguousarray(view.split(split).mean[rows], np.float64)
    if view.own is not None:
        codes = np.concatenate([codes, view.own.split("test").mean[_rows(view.own, "test", n)]])
    digest = hashlib.sha256(key.encode() + codes.tobytes()).hexdigest()[:16]
    path = None if folder is None else Path(folder) / f"{method}-{split}-{digest}.npz"
    if path is not None and path.is_file():
        try:
            with np.load(path) as found:
                points, note, explained = found["points"], str(found["note"]), found["explained"]
            return Projection(points[: len(rows)], rows, total, note, explained, points[len(rows) :])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # damaged: made anew below
    if len(codes) < 3 and method != "pca":
        raise ConfigError(f"{method} needs at least 3 images; the {split} split has {len(codes)}.")
    seed = int(view.rng("plots", zlib.crc32(method.encode())).integers(2**31 - 1))
    points, note, explained = METHODS[method](codes, components, seed, **settings)
    points = np.asarray(points, np.float32)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError), atomic_file(path) as temporary:  # kept for the next time only
            np.savez(temporary, points=points, note=note, explained=explained)
    return Projection(points[: len(rows)], rows, total, note, explained, points[len(rows) :])


def _rows(view, split: str, n: int) -> np.ndarray:
    """n rows of a split, ascending, drawn at random; all where there are fewer. The same ones for every method."""
    total = len(view.split(split))
    if n >= total:
        return np.arange(total)
    return np.sort(view.rng("plots", zlib.crc32(b"projection")).choice(total, n, replace=False))


def pca(codes: np.ndarray, components: int, seed: int):
    """Principal axes of the codes by singular value decomposition; missing axes (fewer latents) are zero."""
    centred = codes - codes.mean(axis=0)
    left, size, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])  # largest weight positive: one answer
    scores = left * size * np.where(signs == 0, 1, signs)
    share = size**2 / max(float(np.sum(size**2)), 1e-300)
    missing = max(0, components - scores.shape[1])
    points = np.pad(scores[:, :components], ((0, 0), (0, missing)))
    return points, "principal axes", np.pad(share[:components], (0, missing))


def tsne(codes: np.ndarray, components: int, seed: int, *, engine: str, perplexity: float, iterations: int):
    """t-SNE (van der Maaten & Hinton, 2008), started from PCA.

    Perplexity is lowered to a third of the points where there are too few for it; the note says so. `iterations`
    (250 or more) counts the first 250, whose affinities are exaggerated, with either engine. scikit-learn's tree is as
    coarse as `ANGLE` says (van der Maaten, 2014, theta there).
    """
    fitting = min(perplexity, max(1.0, (len(codes) - 1) / 3))
    note = f"{engine}, perplexity {fitting:.3g}"
    if fitting < perplexity:
        note += f" (too few points for {perplexity:g})"
    start = _start(codes, components, seed, size=1e-4)
    exaggerated = 250
    if engine == "opentsne":
        try:
            from openTSNE import TSNE
        except ImportError:
            raise ConfigError(
                'engine=opentsne needs openTSNE: pip install "vaelab[tsne]", or use engine=scikit-learn.'
            ) from None
        fit = TSNE(
            n_components=components,
            perplexity=fitting,  # pyright: ignore[reportArgumentType]  not annotated: taken to be what its default is
            initialization=start.astype(np.float64),  # pyright: ignore[reportArgumentType]  the same
            random_state=seed,
            early_exaggeration_iter=exaggerated,
            n_iter=iterations - exaggerated,
        )
        return np.asarray(fit.fit(codes)), note, NO_SHARES
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    fit = TSNE(
        n_components=components, perplexity=fitting, random_state=seed,
        init=start,  # pyright: ignore[reportArgumentType]  not annotated: taken to be what its default is
        max_iter=iterations, method="barnes_hut" if components < 4 else "exact", angle=ANGLE,
    )  # fmt: skip
    with threadpool_limits(1):  # for a few thousand points a second thread mostly waits: half the CPU time without it
        return fit.fit_transform(codes.astype(np.float32)), note, NO_SHARES


def umap(codes: np.ndarray, components: int, seed: int, *, neighbours: int, min_dist: float):
    """UMAP (McInnes et al., 2018)."""
    try:
        from umap import UMAP
    except ImportError:
        raise ConfigError(
            'umap needs umap-learn: pip install "vaelab[umap]", or use plot=[tsne] or plot=[pca].'
        ) from None
    fitting = max(2, min(neighbours, len(codes) - 1))
    start = _start(codes, components, seed, size=10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = UMAP(
            n_components=components,
            n_neighbors=fitting,
            min_dist=min_dist,
            random_state=seed,
            init=start,  # pyright: ignore[reportArgumentType]  not annotated: taken to be what its default is
        ).fit_transform(codes.astype(np.float32))
    return points, f"{fitting} neighbours, min_dist {min_dist:g}", NO_SHARES


def _start(codes: np.ndarray, components: int, seed: int, size: float) -> np.ndarray:
    """Where an iterative method begins: principal axes, the widest `size` wide, with noise that parts equal codes."""
    points, _, _ = pca(codes, components, seed)
    noise = np.random.default_rng(seed).standard_normal(points.shape)
    spread = points[:, 0].std()
    points = points / spread if spread > 1e-9 else noise
    return (size * (points + 1e-2 * noise)).astype(np.float32)


METHODS = {"pca": pca, "tsne": tsne, "umap": umap}
