"""How the images of a dataset are drawn, so that what a hand draws in the page looks like them."""

import numpy as np

EVEN = 0.1  # of the display range: what differs from the ground by less belongs to it
STEADY = 0.04  # of an image's side: a size or place that varies by less is a rule of the data


def drawing(pictures) -> dict:
    """Ground, ink and pen of some images.

    The width of a pen is twice the area of its strokes over their total variation: a stroke of width w and length L has
    the area w L and two edges. MNIST's digits fit a box of 20 pixels and have their centre of mass in the middle of 28
    (LeCun et al., 1998): box and centre are measured, so that other data have their own or none.

    Args:
        pictures: (N, H, W, C), 0 black and 1 white.

    Returns:
        {"ground", "ink": grey levels, "pen": width in pixels, "box": longer side of what is drawn or None, "centre":
        [row, column] of the centre of mass or None}.
    """
    grey = np.clip(np.asarray(pictures, np.float32), 0, 1).mean(axis=-1)
    n, height, width = grey.shape
    side = max(height, width)
    edge = np.concatenate([grey[:, [0, -1]].reshape(n, -1), grey[:, :, [0, -1]].reshape(n, -1)], axis=1)
    ground = float(np.round(np.median(edge), 3))
    found = {"ground": ground, "ink": 0.0 if ground > 0.5 else 1.0, "pen": side / 14, "box": None, "centre": None}
    ink = np.abs(grey - ground)
    some = ink.max(axis=(1, 2)) > 2 * EVEN
    if np.mean(np.abs(edge - ground) < EVEN) < 0.8 or not some.any():
        return found  # photographs
    ink = ink[some]
    variation = np.hypot(np.diff(ink, axis=1, append=0), np.diff(ink, axis=2, append=0)).sum(axis=(1, 2))
    pen = 2 * np.median(ink.sum(axis=(1, 2)) / np.maximum(variation, 1e-6))
    found["pen"] = float(np.round(np.clip(pen, 0.8, side / 5), 2))
    mass = ink.sum(axis=(1, 2))
    centre = np.stack(
        [(ink.sum(axis=2) @ np.arange(height)) / mass, (ink.sum(axis=1) @ np.arange(width)) / mass], axis=1
    )
    if (centre.std(axis=0) < STEADY * side / 2).all():
        found["centre"] = [float(np.round(v, 2)) for v in centre.mean(axis=0)]
    longer = np.maximum(*(np.array([_extent(used) for used in (ink > EVEN).any(axis=a)]) for a in (1, 2)))
    if longer.std() < STEADY * side and np.median(longer) < side:
        found["box"] = int(np.median(longer))
    return found


def _extent(used) -> int:
    """From the first to the last True."""
    at = np.flatnonzero(used)
    return int(at[-1] - at[0] + 1) if len(at) else 0
