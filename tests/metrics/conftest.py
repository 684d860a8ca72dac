"""Views made of numpy alone: codes given by hand, and a linear-Gaussian model with everything in closed form."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

SPLITS = ("train", "validation", "test")


class CodeView:
    """The LatentView of given codes; images are the codes themselves, decoded by the identity.

    Args:
        splits: {name: (mean, std, {"y": ..., "factors": ..., "tags": ...})}.
    """

    data_kind, n_views, name, discrete, learned = "real", 1, "codes", False, {}

    def __init__(self, splits, *, closed_form=True, seed=0, factor_names=(), parts=None):
        self.closed_form, self.seed, self.factor_names = closed_form, seed, tuple(factor_names)
        self._splits = {}
        for name, (mean, std, more) in splits.items():
            mean = np.asarray(mean, np.float32)
            std = np.broadcast_to(np.asarray(std, np.float32), mean.shape)
            self._splits[name] = self._split(name, mean, std, **more)
            self.latent_dim = mean.shape[1]
        self.parts = parts or {"z": slice(0, self.latent_dim)}

    def _split(self, name, mean, std, y=None, factors=None, tags=None, x=None):
        part = FakeSplit(name, mean, std, y, factors, tags)
        part.x = (mean[:, None, :, None] if x is None else x,)
        part.z = mean + std * self.rng("eval_noise", SPLITS.index(name)).standard_normal(mean.shape).astype("f4")
        part.distortion = -self.log_prob(part.images(), part.z)
        rates = 0.5 * (mean**2 + std**2 - 1.0) - np.log(std)
        part.rate = rates.sum(axis=1)
        part.rate_per_latent = rates if self.closed_form else None
        return part

    def split(self, name):
        return self._splits[name]

    def rng(self, key, *more):
        return np.random.default_rng([self.seed, {"eval_noise": 4, "plots": 5, "metrics": 7}[key], *more])

    def posterior_samples(self, split, n, rows=slice(None)):
        part = self.split(split)
        mean, std = part.mean[rows], part.std[rows]
        noise = self.rng("metrics", SPLITS.index(split), n).standard_normal((n, *mean.shape))
        return mean + std * noise.astype(np.float32)

    def decode(self, z):
        return (np.asarray(z, np.float32)[:, None, :, None],)

    def log_prob(self, images, z):
        (x,) = images
        return -0.5 * np.sum((x[:, 0, :, 0] - z) ** 2 + math.log(2 * math.pi), axis=-1)

    def log_prior(self, z):
        return -0.5 * np.sum(np.square(z) + math.log(2 * math.pi), axis=-1)


class FakeSplit(SimpleNamespace):
    def __init__(self, name, mean, std, y, factors, tags):
        super().__init__(name=name, mean=mean, std=std, y=y, factors=factors, tags=tags)

    def __len__(self):
        return len(self.mean)

    def images(self, rows=slice(None)):
        return tuple(v[rows] for v in self.x)


class LinearGaussianView(CodeView):
    """z ~ N(0, I), x|z ~ N(W z + b, s^2 I): log p(x) = log N(x; b, W W' + s^2 I).

    q(z|x) has the exact posterior mean and the spread of its marginals times `widen`, so it misses the correlations.
    """

    def __init__(self, *, n=40, dims=6, latents=3, s=0.7, widen=1.0, seed=0, shift=0.0):
        rng = np.random.default_rng(seed)
        self.w, self.b, self.s = rng.normal(size=(dims, latents)), rng.normal(size=dims), s
        self.precision = np.eye(latents) + self.w.T @ self.w / s**2
        self.widen, self.shift = widen, shift
        x = rng.normal(size=(n, latents)) @ self.w.T + self.b + s * rng.normal(size=(n, dims))
        x = x.astype(np.float32)[:, None, :, None]
        mean, std = self.encode(x)
        super().__init__({"test": (mean, std, {"x": x})}, seed=seed)

    def encode(self, images):
        x = images[0] if isinstance(images, tuple) else images
        covariance = np.linalg.inv(self.precision)
        mean = (x[:, 0, :, 0] - self.b) @ self.w @ covariance / self.s**2 + self.shift
        std = np.broadcast_to(self.widen * np.sqrt(np.diag(covariance)), mean.shape)
        return mean.astype(np.float32), std.astype(np.float32)

    def decode(self, z):
        return ((np.asarray(z) @ self.w.T + self.b).astype(np.float32)[:, None, :, None],)

    def simulate(self, z, rng):
        (image,) = self.decode(z)
        return (image + self.s * rng.standard_normal(image.shape).astype(np.float32),)

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


@pytest.fixture
def code_view():
    """Builds a view of the same codes for training and test: code_view(mean, std, y=..., factors=...)."""

    def build(mean, std=0.1, *, closed_form=True, parts=None, factor_names=None, seed=0, **more):
        factors = more.get("factors")
        names = factor_names or (() if factors is None else [f"factor_{f}" for f in range(factors.shape[1])])
        splits = dict.fromkeys(("train", "test"), (mean, std, more))
        return CodeView(splits, closed_form=closed_form, parts=parts, factor_names=names, seed=seed)

    return build


@pytest.fixture
def linear_gaussian():
    """Builds a LinearGaussianView."""
    return LinearGaussianView
