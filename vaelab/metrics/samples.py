"""Images sampled from a model and real ones, in the space of features where they are compared."""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from vaelab.errors import NotApplicable
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted, subset

FITTED = 5000  # training images that the features are fitted to, codes that the mixture is fitted to: at most
_PIXELS_FITTED = 100_000_000
_PIXELS_PER_CALL = 20_000_000


class Compared(NamedTuple):
    """Features of real images and of as many samples, (N, F) each, and a note that names the space and the sampler."""

    real: np.ndarray
    fake: np.ndarray
    note: str | None


def compared(
    view, split: str, *, metric: str, sampler: str, mixture: int, pixels: str, features: int, images: int | None
) -> Compared:
    """Real images of a split and as many decoded samples, as principal components of their pixels.

    Where the run has a condition, the samples' are those of training images drawn at random.

    Args:
        metric: who asks, for the message.
        sampler: "prior", z ~ p(z), or "mixture", z from a Gaussian mixture fitted to training codes.
        mixture: Gaussians in it.
        pixels: a sample is "mean", E[x|z], or "drawn" from p(x|z).
        features: principal components.
        images: how many of each; None for as many as the split has.
    """
    rows, some = subset(view, split, images)
    if len(rows) < 20:
        raise NotApplicable(f"metric={metric} compares clouds of images and needs at least 20; there are {len(rows)}.")
    size = sum(int(np.prod(v.shape[1:])) for v in view.split(split).images(slice(0, 1)))
    fitted, _ = subset(view, "train", min(FITTED, max(100, _PIXELS_FITTED // size)))
    space = _principal_components(view, fitted, features, stream(view, metric, "train"))
    part, rng = view.split(split), stream(view, metric, split)
    step = max(1, _PIXELS_PER_CALL // size)
    codes = sampled_codes(view, len(rows), sampler, mixture, rng)
    given = view.sample_given(len(rows), rng)
    real, fake = [], []
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        real.append(_projected(space, part.images(rows[chunk])))
        own = tuple(c[chunk] for c in given)
        z = codes[chunk]
        fake.append(_projected(space, view.decode(z, *own) if pixels == "mean" else view.simulate(z, rng, *own)))
    explained = float(space.explained_variance_ratio_.sum())
    binary = view.data_kind in ("threshold", "static", "dynamic", "binary")
    note = noted(
        f"features: {space.n_components_} principal components of the pixels ({explained:.0%} of the variance), "
        f"fitted to {len(fitted):,} training images",
        f"{len(rows):,} samples from the {'prior' if sampler == 'prior' else _mixture_in_words(view, mixture)}, "
        f"{'their means' if pixels == 'mean' else 'drawn from p(x|z)'}",
        "means against binary pixels: pixels=drawn compares like with like" if binary and pixels == "mean" else None,
        some,
    )
    return Compared(np.concatenate(real), np.concatenate(fake), note)


def sampled_codes(view, n: int, sampler: str, mixture: int, rng: np.random.Generator) -> np.ndarray:
    """n codes (n, D) from the prior, or from a Gaussian mixture fitted to one posterior draw per training image."""
    if sampler == "prior":
        return view.sample_prior(n, rng).astype(np.float32)
    rows, _ = subset(view, "train", FITTED)
    z = np.asarray(view.split("train").z[rows], np.float64)
    seed = int(rng.integers(2**31))
    model = GaussianMixture(min(mixture, max(1, len(z) // 2)), reg_covar=1e-4, random_state=seed).fit(z)
    return model.sample(n)[0][rng.permutation(n)].astype(np.float32)


def _mixture_in_words(view, mixture: int) -> str:
    codes = min(FITTED, len(view.split("train")))
    return f"mixture of {mixture} Gaussians fitted to {codes:,} training codes"


def suffix(sampler: str) -> str:
    """What tells the key of samples from the mixture."""
    return "" if sampler == "prior" else f"_{sampler}"


def _principal_components(view, rows, features: int, rng) -> PCA:
    pixels = _flat(view.split("train").images(rows))
    n = min(features, *pixels.shape)
    solver = "full" if n > 0.8 * min(pixels.shape) else "randomized"
    return PCA(n, svd_solver=solver, random_state=int(rng.integers(2**31))).fit(pixels)


def _projected(space: PCA, views) -> np.ndarray:
    """Features in float64, so that equal images lie at equal distances."""
    return space.transform(_flat(views).astype(np.float64))


def _flat(views) -> np.ndarray:
    """Images of all views as rows, (N, pixels) float32."""
    return np.concatenate([np.asarray(v, np.float32).reshape(len(v), -1) for v in views], axis=1)
