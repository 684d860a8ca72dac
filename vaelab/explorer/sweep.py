"""Members of a sweep in one html file: their codes on one map, latent by latent, and their decoders.

The order and the signs of latents mean nothing in a VAE. Each member's latents are matched to those of the member
before it: the permutation with the largest sum of |r|, r the correlation of two latents over the same images, and the
sign of r (Munkres, 1957). What a matching leaves unexplained is told as the residual.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from vaelab.errors import ConfigError
from vaelab.explorer import build, litert
from vaelab.explorer.content import atlases, colours, display_range, smallest

POINTS = 2000
SAMPLES = 16
USED = 0.01  # variance of a latent's means below which it is not in use (Burda et al., 2016)
HALF = 1 / 255  # largest difference of decoded images, in shares of the display range, that half precision may make


@dataclass
class Member:
    """One run of a sweep.

    Attributes:
        label: the value of what was swept, as people write it.
        line: "run=outputs/...", for the command the page offers.
        mean: (N, D) posterior means of the test images.
        decoder: functional Keras model z -> image mean of each view.
        numbers: {"elbo": ..., "rate": ..., "distortion": ...} as far as they are known, in nats.
    """

    label: str
    line: str
    mean: np.ndarray
    decoder: object
    numbers: dict[str, float] = field(default_factory=dict)


def page(members: list[Member], view, *, title: str, axis: str) -> tuple[bytes, list[float]]:
    """The page.

    Args:
        members: two or more, in the order of the slider.
        view: the `LatentView` of one of them: images, classes, prior.
        title: the sweep's name.
        axis: what was swept.

    Returns:
        (the html, residual of each member against the one before it).

    Raises:
        ConfigError: a decoder cannot run in a browser, or the file would be too large.
    """
    part = view.split("test")
    aligned, residuals = align([m.mean for m in members])
    rows = view.rng("plots", 7).permutation(len(part))[:POINTS]
    ranges = [display_range(view, part, v) for v in range(view.n_views)]
    values, ways = colours(view, part, rows)
    sheets, atlas = atlases(part, rows, ranges)
    span = np.concatenate([np.full(int(np.prod(s)), high - low) for s, (low, high) in zip(view.data_shapes, ranges)])
    blobs, facts = {f"atlas-{v}": sheet for v, sheet in enumerate(sheets)}, []
    for k, (member, (order, sign)) in enumerate(zip(members, aligned)):
        codes = smallest(_taken(member.mean[rows], order, sign).astype(np.float32))
        z = np.zeros((4, member.mean.shape[1]), np.float32)[: len(rows)]
        z[:, order[order >= 0]] = (codes[: len(z)] * sign)[:, order >= 0]  # as the page has them
        wanted = _pictures(member.decoder, z)
        model, half = converted(member.decoder, z, wanted, span)
        blobs |= {f"codes-{k}": build.packed(codes.tobytes()), f"decoder-{k}": build.packed(model)}
        blobs[f"golden-{k}"] = build.packed(wanted[0].astype("<f4").tobytes())
        facts.append(
            {
                "label": member.label, "run": member.line, "order": order.tolist(), "sign": sign.tolist(), "half": half,
                "latents": member.mean.shape[1], "bytes": codes.dtype.itemsize, "residual": round(residuals[k], 4),
                "active": int((member.mean.var(axis=0) > USED).sum()),
                "numbers": {name: round(float(v), 4) for name, v in member.numbers.items()},
            }
        )  # fmt: skip
    prior = {"mean": view.prior.mean.tolist(), "std": view.prior.std.tolist()}
    told = {
        "title": title, "axis": axis, "n": len(rows), "latents": len(aligned[0][0]), "members": facts,
        "rows": rows.tolist(), "prior": prior, "samples": SAMPLES, "atlas": atlas, "colourings": ways[:1],
        "views": [{"h": h, "w": w, "c": c, "range": list(r)} for (h, w, c), r in zip(view.data_shapes, ranges)],
    }  # fmt: skip
    blobs["colours"] = build.packed(values[:1].tobytes())
    text = build.sweep_page(told, blobs)
    if len(text) > build.LIMIT:
        raise ConfigError(
            f"The page would take {len(text) / 1e6:.1f} MB with {len(members)} members, more than the "
            f"{build.LIMIT / 1e6:.0f} MB that browsers take well. Ask for fewer: explore.members={len(members) // 2}."
        )
    return text, residuals


def align(means: list[np.ndarray]) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[float]]:
    """([(order, sign)], [residual]): aligned latent d of a member is sign[d] * mean[:, order[d]], order -1 for none.

    The residual is the share of variance that the matched latents of the member before do not explain,
    sum_d v_d (1 - r_d^2) / sum_d v_d, v_d the variance of latent d of the member before; 0 for the first.
    """
    from scipy.optimize import linear_sum_assignment

    width = max(m.shape[1] for m in means)
    first = np.argsort(-means[0].var(axis=0), kind="stable")
    order = np.concatenate([first, np.full(width - len(first), -1)])
    found, residuals = [(order, np.ones(width))], [0.0]
    for before, after in itertools.pairwise(means):
        last = _taken(before, *found[-1])
        r = _correlations(last, after)  # (width, D)
        rows, columns = linear_sum_assignment(-np.abs(r))
        order, sign = np.full(width, -1), np.ones(width)
        order[rows] = columns
        matched = np.zeros(width)
        matched[rows] = r[rows, columns]
        sign[matched < 0] = -1
        found.append((order, sign))
        variance = last.var(axis=0)
        residuals.append(float((variance * (1 - matched**2)).sum() / max(variance.sum(), 1e-12)))
    return found, residuals


def _taken(mean, order, sign):
    """(N, width) aligned codes; 0 where a member has no such latent."""
    taken = np.where(order < 0, 0.0, np.asarray(mean, np.float64)[:, np.maximum(order, 0)])
    return taken * sign


def _correlations(a, b):
    """(D, E) correlations of columns, 0 with a column that never changes."""
    a, b = (np.asarray(x, np.float64) - np.mean(x, axis=0, dtype=np.float64) for x in (a, b))
    size = np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0))
    return np.divide(a.T @ b, size, out=np.zeros_like(size), where=size > 1e-9 * len(a))


def _pictures(decoder, z):
    """What Keras decodes codes (n, D) to, all views flattened and joined."""
    pictures = decoder(z, training=False)
    pictures = pictures if isinstance(pictures, (list, tuple)) else [pictures]
    return np.concatenate([np.reshape(ops.convert_to_numpy(p), (len(z), -1)) for p in pictures], axis=1)


def converted(decoder, z, wanted, span) -> tuple[bytes, bool]:
    """(LiteRT bytes, whether in half precision): half where the images of codes z stay within `HALF` of Keras's.

    Args:
        wanted: (n, pixels) Keras's images.
        span: (pixels,) size of the display range of each.
    """
    kept = decoder.get_weights()
    with np.errstate(over="ignore"):
        decoder.set_weights([np.asarray(w).astype(np.float16).astype(np.float32) for w in kept])
    difference = np.max(np.abs(_pictures(decoder, z) - wanted) / span)
    decoder.set_weights(kept)
    half = bool(difference <= HALF)  # a NaN is no small difference
    return litert.convert(decoder, half=half), half
