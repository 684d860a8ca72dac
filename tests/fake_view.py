"""The view of tests: numpy alone, everything known exactly, under `LatentView`'s contract (contracts/test_views.py).

`FakeView` is a Gaussian likelihood around `decode` and a Gaussian posterior; what is encoded and decoded is its kinds':
`Spots` (images of bright spots, an affine decoder), `Codes` (codes given by hand, images are the codes themselves),
`LinearGaussian` (log p(x) in closed form).
"""

import itertools
import math
from functools import cached_property

import numpy as np

from vaelab.compute.normal import log_normal
from vaelab.conditions.columns import Columns
from vaelab.errors import DataError
from vaelab.priors.standard import Standard
from vaelab.view.prior_view import NumpyPrior
from vaelab.view.seen import Seen

KEYS = {"eval_noise": 4, "plots": 5, "metrics": 7}
SPLITS = ("train", "validation", "test")


class FakeSplit:
    """One split; what follows from codes and images is computed when asked for, and may be set.

    Args:
        mean, std: (N, D).
        x: views, uint8 or float32; None for those that the means decode to.
    """

    def __init__(self, view, name, mean, std, *, x=None, y=None, factors=None, tags=None, masks=None):
        self._view, self.name, self.y, self.factors, self.tags, self.masks = view, name, y, factors, tags, masks
        self.mean, self.std = mean, std
        self._given = () if view.condition is None else (view.condition.rows(y[:, None], name),)
        if x is not None:
            self.x = x

    def __len__(self):
        return len(self.mean)

    @cached_property
    def x(self):
        return self._view.decode(self.mean, *self._given)

    def images(self, rows=slice(None)):
        if "x" not in vars(self):
            return self._view.decode(self.mean[rows], *self.given(rows))
        return tuple(v[rows] / np.float32(255) if v.dtype == np.uint8 else v[rows] for v in self.x)

    def given(self, rows=slice(None)):
        return tuple(c[rows] for c in self._given)

    def inputs(self, rows=slice(None)):
        return (*self.images(rows), *self.given(rows))

    @cached_property
    def z(self):
        noise = self._view.rng("eval_noise", SPLITS.index(self.name)).standard_normal(self.mean.shape)
        return self.mean + self.std * noise.astype(np.float32)

    def sample_posterior(self, n, rng, rows=slice(None)):
        mean, std = self.mean[rows], self.std[rows]
        return mean + std * rng.standard_normal((n, *mean.shape), np.float32)

    @cached_property
    def distortion(self):
        return -self._view.log_prob(self.inputs(), self.z)

    @cached_property
    def rate_per_latent(self):
        return self._view.prior.rate_of_moments(self.mean, self.std) if self._view.closed_form else None

    @cached_property
    def rate(self):  # at `z` where it has no closed form; of an implicit posterior: a critic that knows its moments
        rates = self._view.prior.rate_of_moments(self.mean, self.std)
        if rates is None:
            return log_normal(self.z, self.mean, self.std).sum(axis=1) - self._view.log_prior(self.z)
        return rates.sum(axis=1)


class FakeView:
    """A model that is known exactly; `encode` and `decode` are its kinds'.

    Args:
        noise: standard deviation of p(x|z).
        prior: a part; None for N(0, I).
        conditional: whether the class is a condition.
    """

    enumerated = discrete = False
    own = None
    moment_draws, learned = None, {}

    def __init__(
        self, *, latent_dim, data_shapes, name, seed=0, closed_form=True, parts=None, data_kind="real", noise=1.0,
        class_names=(), factor_names=(), factor_sizes=(), tag_names=(), history=None, weights_epoch=None,
        schedules=None, frames=(), prior=None, conditional=False,
    ):  # fmt: skip
        self.latent_dim, self.name, self.seed, self.closed_form = latent_dim, name, seed, closed_form
        self.data_shapes, self.n_views, self.data_kind, self.noise = data_shapes, len(data_shapes), data_kind, noise
        self.class_names, self.tag_names = tuple(class_names), tuple(tag_names)
        self.factor_names, self.factor_sizes = tuple(factor_names), tuple(factor_sizes)
        self.parts = parts or {"z": slice(0, latent_dim)}
        self.history, self.weights_epoch = history or {}, weights_epoch
        self.schedules, self._frames = schedules or {}, list(frames)
        self.prior = NumpyPrior(prior or Standard(latent_dim=latent_dim), latent_dim, lambda: self.rng("plots", 11))
        self.condition = Columns("label", [("class", self.class_names, 0.0, 1.0)]) if conditional else None
        self._splits = {}

    @property
    def has_density(self):
        return self.closed_form

    def frames(self):
        return self._frames

    def split(self, name):
        if name not in self._splits:
            raise DataError(f"This run has no {name} split.")
        return self._splits[name]

    def rng(self, key, *more):
        return np.random.default_rng([self.seed, KEYS[key], *more])

    def sample_prior(self, n, rng):
        return self.prior.sample(n, rng)

    def sample_given(self, n, rng):
        train = None if self.condition is None else self.split("train")
        return () if train is None else train.given(rng.integers(len(train), size=n))

    def log_prior(self, z):
        return self.prior.log_density(z)

    def encode(self, images):
        raise NotImplementedError

    def decode(self, z, *given):
        raise NotImplementedError

    def sample_posterior(self, images, n, rng):
        mean, std = self.encode(images)
        return mean + std * rng.standard_normal((n, *mean.shape), np.float32)

    @property
    def eps_dim(self):
        return self.latent_dim

    def foreign(self, name, *, resize):
        raise DataError(f"No images of {name}.")

    def see(self, inputs):
        return Seen(self, inputs[: self.n_views], inputs[self.n_views :])

    def least_distortion(self, images):
        """Of a Gaussian of known deviation: the same for all images."""
        return np.full(len(images[0]), sum(math.prod(s) for s in self.data_shapes) * (math.log(self.noise) + 0.919))

    def posterior_samples(self, split, n, rows=slice(None)):
        return self.split(split).sample_posterior(n, self.rng("metrics", SPLITS.index(split), n), rows)

    def log_q(self, images, z):
        return log_normal(np.asarray(z), *self.encode(images)).sum(axis=-1) if self.closed_form else None

    def push(self, images, eps):
        mean, std = self.encode(images)
        return mean + std * eps, self.log_q(images, mean + std * eps)

    def simulate(self, z, rng, *given):
        decoded = self.decode(z, *given)
        return tuple(v + np.float32(self.noise) * rng.standard_normal(v.shape).astype(np.float32) for v in decoded)

    def log_prob(self, images, z):
        z = np.asarray(z)
        given = (np.tile(c, (len(z) if z.ndim == 3 else 1, 1)) for c in images[self.n_views :])
        decoded = (v.reshape(*z.shape[:-1], -1) for v in self.decode(z.reshape(-1, z.shape[-1]), *given))
        return sum(
            log_normal(x.reshape(len(x), -1).astype(np.float64), y, self.noise).sum(axis=-1)
            for x, y in zip(images, decoded)
        )

    def likelihood_model(self):
        raise NotImplementedError

    def grad_log_joint(self, images, z):
        """By central differences."""
        z, step = np.asarray(z, np.float64), 1e-2

        def value(at):
            return self.log_prob(images, at) + self.log_prior(at)

        sides = [value(z + step * axis) - value(z - step * axis) for axis in np.eye(z.shape[1])]
        return value(z).astype(np.float32), (np.stack(sides, axis=1) / (2 * step)).astype(np.float32)

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


# -- codes given by hand -----------------------------------------------------------------------------------------------


class Codes(FakeView):
    """Images are the codes themselves, decoded by the identity.

    Args:
        splits: {name: (mean, std, {"x": ..., "y": ..., "factors": ..., "tags": ...})}.
    """

    def __init__(self, splits, **more):
        mean = np.asarray(next(iter(splits.values()))[0])
        super().__init__(latent_dim=mean.shape[1], **{"data_shapes": ((1, mean.shape[1], 1),), "name": "codes", **more})
        for name, (mean, std, columns) in splits.items():
            mean = np.asarray(mean, np.float32)
            std = np.broadcast_to(np.asarray(std, np.float32), mean.shape)
            x = columns.get("x", mean[:, None, :, None])
            self._splits[name] = FakeSplit(self, name, mean, std, **{**columns, "x": (x,)})

    def encode(self, images):
        (x,) = images if isinstance(images, tuple) else (images,)
        mean = np.asarray(x[:, 0, :, 0], np.float32)
        return mean, np.broadcast_to(next(iter(self._splits.values())).std[:1], mean.shape)

    def decode(self, z):
        return (np.asarray(z, np.float32)[:, None, :, None],)


class LinearGaussian(Codes):
    """z ~ N(0, I), x|z ~ N(W z + b, s^2 I): log p(x) = log N(x; b, W W' + s^2 I).

    q(z|x) has the exact posterior mean and the spread of its marginals times `widen`, so it misses the correlations.
    """

    def __init__(self, *, n=40, dims=6, latents=3, s=0.7, widen=1.0, seed=0, shift=0.0, **more):
        rng = np.random.default_rng(seed)
        self.w, self.b, self.s = rng.normal(size=(dims, latents)), rng.normal(size=dims), s
        self.precision = np.eye(latents) + self.w.T @ self.w / s**2
        self.widen, self.shift = widen, shift
        x = rng.normal(size=(n, latents)) @ self.w.T + self.b + s * rng.normal(size=(n, dims))
        x = x.astype(np.float32)[:, None, :, None]
        codes = (*self.encode(x), {"x": x})
        splits = {"train": codes, "test": codes} if "train" in more.pop("splits", ()) else {"test": codes}
        super().__init__(splits, **{"seed": seed, "noise": s, "data_shapes": ((1, dims, 1),), **more})

    def encode(self, images):
        x = images[0] if isinstance(images, tuple) else images
        covariance = np.linalg.inv(self.precision)
        mean = (x[:, 0, :, 0] - self.b) @ self.w @ covariance / self.s**2 + self.shift
        std = np.broadcast_to(self.widen * np.sqrt(np.diag(covariance)), mean.shape)
        return mean.astype(np.float32), std.astype(np.float32)

    def decode(self, z):
        return ((np.asarray(z) @ self.w.T + self.b).astype(np.float32)[:, None, :, None],)

    def log_prob(self, images, z):
        residual = images[0][:, 0, :, 0] - (np.asarray(z, np.float64) @ self.w.T + self.b)
        return -0.5 * np.sum((residual / self.s) ** 2 + math.log(2 * math.pi * self.s**2), axis=-1)

    def grad_log_joint(self, images, z):
        z = np.asarray(z, np.float64)
        residual = images[0][:, 0, :, 0] - (z @ self.w.T + self.b)
        value = self.log_prob(images, z) + self.log_prior(z)
        return value.astype(np.float32), (residual @ self.w / self.s**2 - z).astype(np.float32)

    def exact(self, images):
        """log p(x), (N,)."""
        residual = images[0][:, 0, :, 0].astype(np.float64) - self.b
        covariance = self.w @ self.w.T + self.s**2 * np.eye(len(self.b))
        mahalanobis = np.einsum("ni,ij,nj->n", residual, np.linalg.inv(covariance), residual)
        return -0.5 * (mahalanobis + np.linalg.slogdet(covariance)[1] + len(self.b) * math.log(2 * math.pi))


# -- bright spots ------------------------------------------------------------------------------------------------------


class Spots(FakeView):
    """Any images with an affine decoder fitted by principal components, so that every picture has known content.

    decode(z) = middle + z @ weights, q(z|x) = N(mean(x), 0.3^2) with mean the least-squares code.

    Args:
        x: tuple of views, each uint8 (N, H, W, C); the last third is the test split.
        y: labels (N,) or None.
        latent_dim: D. With several views the parts are (private_1, .., private_V, shared), as equal as D allows.
    """

    def __init__(self, x, y=None, *, latent_dim=2, class_names=(), factors=None, tags=None, masks=None, **more):
        if y is not None and not class_names:
            class_names = tuple(f"class {k}" for k in range(int(y.max()) + 1))
        epochs = np.arange(1, 21)
        history = {"epoch": list(epochs), "time/seconds": [1.0] * 20}
        for part, gap in (("train", 0.0), ("val", 3.0)):
            rate, distortion = 8 * (1 - np.exp(-epochs / 4)), 150 + 60 * np.exp(-epochs / 3) + gap
            terms = {"loss": distortion + rate, "distortion": distortion, "rate": rate, "elbo": -distortion - rate}
            history |= {f"{part}/{k}": list(map(float, v)) for k, v in terms.items()}
        super().__init__(
            latent_dim=latent_dim,
            data_shapes=tuple(v.shape[1:] for v in x),
            class_names=class_names if y is not None else (),
            factor_sizes=() if factors is None else [int(v) + 1 for v in factors.max(axis=0)],
            parts=_parts(latent_dim, len(x)),
            **{"name": "fakedata-linear-vae, beta 1", "data_kind": "grey", "noise": 0.1, "history": history,
               "weights_epoch": 17, **more},
        )  # fmt: skip
        self._fit(x)
        cut = len(x[0]) * 2 // 3
        for name, rows in (("train", slice(0, cut)), ("test", slice(cut, None))):
            columns = {
                k: v if v is None else v[rows]
                for k, v in (("y", y), ("factors", factors), ("tags", tags), ("masks", masks))
            }
            images = tuple(v[rows] for v in x)
            given = () if self.condition is None else (self.condition.rows(y[rows][:, None], name),)
            codes = self.encode((*(v.astype(np.float32) / 255 for v in images), *given))
            self._splits[name] = FakeSplit(self, name, *codes, x=images, **columns)

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

    def encode(self, images):
        images = images if isinstance(images, (tuple, list)) else (images,)
        assert len(images) == self.n_views + (self.condition is not None)
        flat = np.concatenate([v.reshape(len(v), -1) - m for v, m in zip(images, self.middle)], axis=1)
        mean = (flat @ self._inverse).astype(np.float32)
        return mean, np.full_like(mean, 0.3)

    def decode(self, z, *given):
        z = np.asarray(z, np.float32)
        assert z.ndim == 2 and z.shape[1] == self.latent_dim, z.shape
        wanted = [] if self.condition is None else [(len(z), self.condition.dim)]
        assert [c.shape for c in given] == wanted
        tint = sum(c.argmax(axis=1)[:, None] / np.float32(20) for c in given)  # the class only makes images brighter
        return tuple(
            (m + z @ w + tint).reshape(-1, *s).astype(np.float32)
            for m, w, s in zip(self.middle, self.weights, self.data_shapes)
        )


def spots(latent_dim=2, labels=True, n_classes=4, shape=(28, 28, 1), n_views=1, n=240, **more):
    """`Spots` of a class each; the second view is the first, mirrored, with its own brightness."""
    x, y = bright_spots(n, shape, n_classes)
    views = [x] + [(x[:, :, ::-1] // 2 + 60 * (np.arange(n) % 2)[:, None, None, None]).astype(np.uint8)] * (n_views - 1)
    if n_views > 1:
        more.setdefault("tags", np.stack([np.arange(n) % 3, np.arange(n) % 2], axis=1)[:, :n_views])
        more.setdefault("tag_names", ("plain", "dim", "bright"))
    return Spots(tuple(views), y if labels else None, latent_dim=latent_dim, **more)


class LevelsOfNoise(Standard):
    """N(0, I) as two levels: p(z_1|z_2) = p(z_1)."""

    parts = {"level_1": slice(0, 2), "level_2": slice(2, 4)}  # noqa: RUF012

    def redraw(self, z, parts, rng):
        z = np.array(z)
        for name in parts:
            z[:, self.parts[name]] = rng.standard_normal(z[:, self.parts[name]].shape)
        return z


def in_levels(**more):
    """`spots` with two levels of two latents."""
    view = spots(latent_dim=4, prior=LevelsOfNoise(latent_dim=4), **more)
    view.parts = LevelsOfNoise.parts
    return view


def bright_spots(n, shape, n_classes, seed=0):
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
