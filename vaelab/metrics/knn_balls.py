"""A cloud of points as the union of balls that reach to each point's k-th neighbour."""

import numpy as np

_PAIRS_PER_CALL = 10_000_000
_ROUNDING = 1e-10  # of squared distances, relative to the largest squared norm: what is nearer than that is a tie


def radii(points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other, (N,)."""
    out = np.empty(len(points))
    for rows, distance in _distances(points, points):
        distance[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)] = -1.0  # itself comes first
        out[rows] = np.partition(distance, k, axis=1)[:, k]
    return np.sqrt(np.maximum(out, 0))


def balls_around(
    points: np.ndarray, centres: np.ndarray, radius: np.ndarray, *, closed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """How many balls hold each point, (N,), and whether each ball holds any point, (M,).

    Args:
        closed: whether a point at a distance of just the radius is inside.
    """
    count, reached = np.zeros(len(points)), np.zeros(len(centres), bool)
    centre = centres.mean(axis=0, dtype=np.float64)
    tie = _ROUNDING * max(np.square(points - centre).sum(axis=1).max(), np.square(centres - centre).sum(axis=1).max())
    limit = np.square(radius) + (tie if closed else -tie)
    for rows, distance in _distances(points, centres):
        inside = distance <= limit
        count[rows] = inside.sum(axis=1)
        reached |= inside.any(axis=0)
    return count, reached


def _distances(a: np.ndarray, b: np.ndarray):
    """(rows, squared distances of these rows of a to all of b), piece by piece."""
    centre = b.mean(axis=0, dtype=np.float64)
    a, b = a - centre, b - centre
    squares = np.sum(b * b, axis=1)
    step = max(1, _PAIRS_PER_CALL // len(b))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        distance = a[rows] @ b.T
        distance *= -2
        distance += np.sum(a[rows] * a[rows], axis=1)[:, None]
        distance += squares
        yield rows, distance
