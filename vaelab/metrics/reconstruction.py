"""How close an image comes back from its mean code."""

import numpy as np
from scipy.ndimage import correlate1d

from vaelab.config.types import Split
from vaelab.metrics.score import Score, mean_score
from vaelab.metrics.subset import noted

_PIXELS_PER_CALL = 8_000_000
_UNIT_KINDS = ("grey", "rgb", "threshold", "static", "dynamic", "standardised", "binary")


def reconstruction(view, *, split: Split) -> dict[str, Score]:
    """Reconstruction at z = E_q(z|x) z: squared error, PSNR, SSIM and the distortion there, averaged over images.

    mse = mean over pixels of (x - E[x|z])^2, on [0, 1]; psnr = -10 log10(mse) in dB (at most 100); ssim as published,
    Gaussian window of standard deviation 1.5 and 11 pixels (smaller where the image is), channels averaged;
    distortion_at_mean = -log p(x|z) in nats. With several views the first three are averaged over views, and each
    view has its own beside them. PSNR and SSIM are left out where pixels are not intensities in [0, 1], SSIM also for
    images under 7 pixels.

    References:
        Wang, Bovik, Sheikh & Simoncelli (2004) for SSIM.
    """
    part = view.split(split)
    codes = np.asarray(part.mean, np.float32)
    values: dict[str, list] = {}
    pixels = sum(int(np.prod(v.shape[1:])) for v in part.images(slice(0, 1)))
    step = max(1, _PIXELS_PER_CALL // pixels)
    for start in range(0, len(part), step):
        rows = slice(start, min(start + step, len(part)))
        images, given = part.images(rows), part.given(rows)
        decoded = view.decode(codes[rows], *given)
        for number, (x, y) in enumerate(zip(images, decoded), start=1):
            for name, value in _compared(x, y, view.data_kind in _UNIT_KINDS).items():
                values.setdefault(f"{name}_view_{number}", []).append(value)
        values.setdefault("distortion_at_mean", []).append(-view.log_prob((*images, *given), codes[rows]))
    whole = {name: np.concatenate(v) for name, v in values.items()}
    for name in ("mse", "psnr", "ssim"):
        each = [whole[key] for key in whole if key.startswith(f"{name}_view_")]
        if len(each) == view.n_views:
            whole[name] = np.mean(each, axis=0)
    if view.n_views == 1:
        whole = {name: v for name, v in whole.items() if "_view_" not in name}
    note = "at z = E[z|x]" if view.closed_form else "at z = E[z|x], the mean of draws"
    binary = view.data_kind in ("threshold", "static", "dynamic", "binary")
    against = "the decoded mean against binary pixels" if binary else None
    return {name: mean_score(v, note=noted(note, against)) for name, v in whole.items()}


def _compared(x: np.ndarray, y: np.ndarray, intensities: bool) -> dict[str, np.ndarray]:
    """Per-image measures of two batches (N, H, W, C)."""
    mse = np.square(x.astype(np.float64) - y).mean(axis=(1, 2, 3))
    out = {"mse": mse}
    if intensities:
        out["psnr"] = -10 * np.log10(np.maximum(mse, 1e-10))
        if min(x.shape[1:3]) >= 7:
            out["ssim"] = _ssim(x, y)
    return out


def _ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Structural similarity of two batches (N, H, W, C) in [0, 1], averaged over the windows that fit: (N,)."""
    radius = min(5, (min(x.shape[1:3]) - 1) // 2)
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / 1.5) ** 2)
    window /= window.sum()
    inner = slice(radius, -radius)

    def blurred(a):
        return correlate1d(correlate1d(a, window, axis=1), window, axis=2)[:, inner, inner]

    x, y = x.astype(np.float64), y.astype(np.float64)
    mx, my = blurred(x), blurred(y)
    vx, vy, cov = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return (((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean(axis=(1, 2, 3))
