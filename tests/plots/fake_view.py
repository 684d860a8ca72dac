"""A LatentView in numpy: an affine decoder fitted by principal components, so that every picture has known content.

decode(z) = middle + z @ weights, q(z|x) = N(mean(x), std^2) with mean the least-squares code.
"""

import itertools

import numpy as np

from vaelab.errors import DataError


def blobs(n, shape, n_classes, seed=0):
    """n images of a bright spot whose place depends on the class: (n, H, W, C) uint8 and labels (n,)."""
    rng = np.random.default_rng(seed)
    h, w, c = shape
    y = rng.permutation(n) % n_classes if n_classes < 50 else np.arange(n) % n_classes
    angle = 2 * np.pi * y / n_classes
    row = (h - 1) / 2 + h / 3.5 * np.sin(angle) + rng.normal(0, h / 16, n)
    column = (w - 1) / 2 + w / 3.5 * np.cos(angle) + rng.normal(0, w / 16, n)
    size = max(h, w) / rng.uniform(7, 10, n)
    i, j = np.mgrid[:h, :w]
    distance = (i - row[:, None, None]) ** 2 + (j - column[:, None, None]) ** 2
    spot = np.exp(-distance / (2 * size[:, None, None] ** 2))
    tint = 0.4 + 0.6 * rng.random((n, 1, 1, c))
    return np.round(255 * spot[..., None] * tint).astype(np.uint8), y


class FakeSplit:
    """One split of a `FakeView`."""

    def __init__(self, view, name, x, y, factors, tags):
        self._view, self.name, self.x, self.y, self.factors, self.tags = view, name, x, y, factors, tags
        self.mean = view.encode(self.images())[0]
        self.std = np.full_like(self.mean, view.noise)
        self.z = self.mean + self.std * np.random.default_rng(1).standard_normal(self.mean.shape).astype(np.float32)

    def __len__(self):
        return len(self.x[0])

    def images(self, rows=slice(None)):
        return tuple(v[rows].astype(np.float32) / 255 for v in self.x)

    @property
    def distortion(self):
        error = sum(
            ((a - b) ** 2).reshape(len(a), -1).sum(axis=1) for a, b in zip(self.images(), self._view.decode(self.z))
        )
        return 50 * error

    @property
    def rate_per_latent(self):
        if not self._view.closed_form:
            return None
        return 0.5 * (self.mean**2 + self.std**2 - 1) - np.log(self.std)

    @property
    def rate(self):
        return 0.5 * (self.mean**2).sum(axis=1) if self.rate_per_latent is None else self.rate_per_latent.sum(axis=1)


class FakeView:
    """A model that is known exactly.

    Args:
        x: tuple of views, each uint8 (N, H, W, C); the last third is the test split.
        y: labels (N,) or None.
        latent_dim: D. With several views the parts are (private_1, .., private_V, shared), as equal as D allows.
    """

    def __init__(
        self, x, y=None, *, latent_dim=2, class_names=(), factors=None, factor_names=(), tags=None, tag_names=(),
        closed_form=True, name="fakedata-linear-vae, beta 1", seed=0,
    ):  # fmt: skip
        self.name, self.seed, self.latent_dim, self.n_views = name, seed, latent_dim, len(x)
        self.closed_form, self.noise, self.data_kind = closed_form, 0.3, "grey"
        if y is not None and not class_names:
            class_names = tuple(f"class {k}" for k in range(int(y.max()) + 1))
        self.class_names = tuple(class_names) if y is not None else ()
        self.factor_names, self.tag_names = tuple(factor_names), tuple(tag_names)
        self.factor_sizes = tuple(int(v) + 1 for v in factors.max(axis=0)) if factors is not None else ()
        self.data_shapes = tuple(v.shape[1:] for v in x)
        self.parts = _parts(latent_dim, len(x))
        self._fit(x)
        cut = len(x[0]) * 2 // 3
        take = lambda a, s: None if a is None else a[s]  # noqa: E731
        self._splits = {
            key: FakeSplit(self, key, tuple(v[s] for v in x), take(y, s), take(factors, s), take(tags, s))
            for key, s in (("train", slice(0, cut)), ("test", slice(cut, None)))
        }
        epochs = np.arange(1, 21)
        self.history, self.weights_epoch = {"epoch": list(epochs), "time/seconds": [1.0] * 20}, 17
        for part, gap in (("train", 0.0), ("val", 3.0)):
            rate, distortion = 8 * (1 - np.exp(-epochs / 4)), 150 + 60 * np.exp(-epochs / 3) + gap
            terms = {"loss": distortion + rate, "distortion": distortion, "rate": rate, "elbo": -distortion - rate}
            self.history |= {f"{part}/{k}": list(map(float, v)) for k, v in terms.items()}

    def _fit(self, x):
        flat = [v.reshape(len(v), -1).astype(np.float32) / 255 for v in x]
        self.middle = [f.mean(axis=0) for f in flat]
        joint = np.concatenate([f - m for f, m in zip(flat, self.middle)], axis=1)
        edges = np.cumsum([0, *(f.shape[1] for f in flat)])
        blocks = [slice(a, b) for a, b in itertools.pairwise(edges)]
        weights = np.zeros((self.latent_dim, joint.shape[1]), np.float32)
        left = joint.copy()
        names = [n for n in self.parts if n != "shared"]
        order = [("shared", slice(0, None))] if "shared" in self.parts else []
        order += [(n, blocks[v]) for v, n in enumerate(names)]
        for name, where in order:
            part = self.parts[name]
            wanted = part.stop - part.start
            size, axes = _principal(left[:600, where])
            found = (size[:wanted, None] * axes[:wanted] / np.sqrt(min(600, len(left)))).astype(np.float32)
            weights[part.start : part.start + len(found), where] = found
            basis = axes[:wanted]
            left[:, where] -= left[:, where] @ basis.T @ basis
        self.weights = [weights[:, b] for b in blocks]
        self._inverse = np.linalg.pinv(weights)

    def split(self, name):
        if name not in self._splits:
            raise DataError(f"This run has no {name} split.")
        return self._splits[name]

    def rng(self, key, *more):
        return np.random.default_rng([self.seed, len(key), *more])

    def encode(self, images):
        images = images if isinstance(images, (tuple, list)) else (images,)
        flat = np.concatenate([v.reshape(len(v), -1) - m for v, m in zip(images, self.middle)], axis=1)
        mean = (flat @ self._inverse).astype(np.float32)
        return mean, np.full_like(mean, self.noise)

    def decode(self, z):
        z = np.asarray(z, np.float32)
        assert z.ndim == 2 and z.shape[1] == self.latent_dim, z.shape
        return tuple(
            (m + z @ w).reshape(-1, *s).astype(np.float32)
            for m, w, s in zip(self.middle, self.weights, self.data_shapes)
        )

    def posterior_samples(self, split, n, rows=slice(None)):
        chosen = self.split(split)
        mean = chosen.mean[rows]
        return mean + self.noise * self.rng("metrics", n).standard_normal((n, *mean.shape)).astype(np.float32)

    @property
    def layers(self):
        d, (h, w, c) = self.latent_dim, self.data_shapes[0]
        f = h * w * c
        rows = []
        for v in range(self.n_views):
            end = "" if self.n_views == 1 else f"_{v + 1}"
            rows += [
                (f"encoder{end}", "image", "InputLayer", (h, w, c), 0),
                (f"encoder{end}", "conv_1", "Conv2D", (-(-h // 2), -(-w // 2), 64), 640),
                (f"encoder{end}", "flatten", "Flatten", (f,), 0),
                (f"encoder{end}", "mean", "Dense", (d,), (f + 1) * d),
                (f"encoder{end}", "log_var", "Dense", (d,), (f + 1) * d),
                (f"decoder{end}", "z", "InputLayer", (d,), 0),
                (f"decoder{end}", "hidden", "Dense", (f,), (d + 1) * f),
                (f"decoder{end}", "reshape", "Reshape", (h, w, c), 0),
            ]
        return rows


def _principal(x):
    """Singular values (K,) and right singular vectors (K, F) of x (N, F), those that are not zero."""
    square, left = np.linalg.eigh((x @ x.T).astype(np.float64))
    size = np.sqrt(np.maximum(square[::-1], 0))
    kept = size > 1e-4 * max(size[0], 1e-12)
    size, left = size[kept], left[:, ::-1][:, kept]
    return size, (left.T @ x / size[:, None]).astype(np.float32)


def _parts(latent_dim, n_views):
    if n_views == 1:
        return {"z": slice(0, latent_dim)}
    each = max(1, latent_dim // (n_views + 1))
    parts = {f"private_{v + 1}": slice(v * each, (v + 1) * each) for v in range(n_views)}
    return {**parts, "shared": slice(n_views * each, latent_dim)}


def fake_view(latent_dim=2, labels=True, n_classes=4, shape=(28, 28, 1), n_views=1, n=240, **kwargs):
    """A `FakeView` of blobs; the second view is the first, mirrored, with its own brightness."""
    x, y = blobs(n, shape, n_classes)
    views = [x] + [(x[:, :, ::-1] // 2 + 60 * (np.arange(n) % 2)[:, None, None, None]).astype(np.uint8)] * (n_views - 1)
    if n_views > 1:
        kwargs.setdefault("tags", np.stack([np.arange(n) % 3, np.arange(n) % 2], axis=1)[:, :n_views])
        kwargs.setdefault("tag_names", ("plain", "dim", "bright"))
    return FakeView(tuple(views), y if labels else None, latent_dim=latent_dim, **kwargs)
