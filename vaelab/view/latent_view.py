"""LatentView: the one bridge from Keras to numpy. Metrics, pictures and the explorer read it and nothing else."""

import math
from functools import cached_property

import numpy as np
from keras import tree

from vaelab.compute import seeds
from vaelab.compute.compiled import compiled, compiled_gradient, reads_weights_anew
from vaelab.datasets.base import Split, to_unit
from vaelab.datasets.prepare import FIXED_SEED, binary
from vaelab.system import memory

SPLITS = ("train", "validation", "test")


class LatentView:
    """A trained model and its dataset, seen through numpy. Everything is computed once, when first asked for.

    Args:
        vae: a `VAEModel` in float32.
        dataset: the `Dataset` it was trained on.
        name: run name for titles.
        seed: the run's seed; evaluation draws come from streams of their own.
        history: one dict per epoch.
        weights_epoch: the epoch whose weights the model holds; None while it is being trained.
        batch: images per compiled call.
    """

    def __init__(self, vae, dataset, *, name, seed, history=(), weights_epoch=None, batch=500):
        self._vae, self._structure, self.dataset = vae, vae.structure, dataset
        self.name, self.seed, self.weights_epoch, self._batch = name, seed, weights_epoch, batch
        self.latent_dim, self.parts = self._structure.latent_dim, dict(self._structure.latent_parts)
        self.n_views, self.data_shapes = len(dataset.shapes), dataset.shapes
        self.class_names, self.tag_names = tuple(dataset.class_names), tuple(dataset.tag_names)
        self.factor_names, self.factor_sizes = tuple(dataset.factor_names), tuple(dataset.factor_sizes)
        self.data_kind, self.closed_form = dataset.data_kind, self._structure.closed_form
        # a probability of the stored data, so that bits per dimension mean something
        self.discrete = all(p.discrete and p.misfit(dataset) is None for p in self._structure.likelihoods)
        names = dict.fromkeys(name for row in history for name in row)  # metrics every few epochs have rows without
        self.history = {k: [row.get(k) for row in history] for k in names}
        self._splits = {}

    def again(self, history) -> "LatentView":
        """A view of the same model after more training: it computes everything anew, with the functions compiled here.

        Args:
            history: one dict per epoch.
        """
        fresh = LatentView(self._vae, self.dataset, name=self.name, seed=self.seed, history=history, batch=self._batch)
        if reads_weights_anew():
            fresh._functions = self._functions
        return fresh

    def split(self, name: str) -> "SplitView":
        """The train, validation or test split; DataError where the run has none of that name."""
        if name not in self._splits:
            self._splits[name] = SplitView(self, name, self.dataset.split(name))
        return self._splits[name]

    def rng(self, key: str, *more: int) -> np.random.Generator:
        """A fresh generator; key "plots" or "metrics"."""
        return seeds.generator(self.seed, key, *more)

    @property
    def moment_draws(self) -> int | None:
        """Draws behind mean and std of q(z|x), None where they are known: 100, down to 10 where images are many."""
        if self._structure.has_moments:
            return None
        return max(10, min(100, 600_000 // len(self.dataset.train)))  # each draw is a pass through the encoder

    @cached_property
    def learned(self) -> dict[str, float]:
        """{"likelihood_variance": ...} of numbers the likelihood learned beside the decoder; view 2 has `..._2`."""
        return {
            f"likelihood_{name}{'' if self.n_views == 1 else f'_{v}'}": value
            for v, p in enumerate(self._structure.likelihoods, start=1)
            for name, value in p.learned().items()
        }

    # -- model functions ------------------------------------------------------------------------------------------

    def encode(self, images) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std) of q(z|x), each (N, D). Images: tuple of views, or one array, (N, H, W, C), uint8 or [0, 1].

        Where they are not known they are moments over `moment_draws` samples.
        """
        views = self._views(images)
        if self._structure.has_moments:
            return self._mapped(self._functions["encode"], views)
        draws = self.sample_posterior(views, self.moment_draws, self.rng("metrics", self.moment_draws))
        return draws.mean(axis=0), draws.std(axis=0)

    def sample_posterior(self, images, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws from q(z|x) of each image, (n, N, D) float32."""
        views = self._views(images)
        memory.require(
            8 * n * len(views[0]) * self.latent_dim, f"{n:,} draws from q(z|x) of each image", "Ask for fewer."
        )
        if self.closed_form:
            mean, std = self.encode(views)
            return mean + std * rng.standard_normal((n, *mean.shape), np.float32)
        eps_dim = self._structure.eps_dim
        out = np.empty((n, len(views[0]), self.latent_dim), np.float32)
        for k in range(n):
            eps = rng.standard_normal((len(views[0]), eps_dim), np.float32)
            out[k] = self._mapped(self._functions["draw"], views, eps)
        return out

    def posterior_samples(self, split: str, n: int, rows=slice(None)) -> np.ndarray:
        """n draws from q(z|x) for rows of a split, (n, N, D)."""
        chosen = self.split(split)
        first = int(np.arange(len(chosen))[rows][:1].sum())  # other rows, other draws
        rng = self.rng("metrics", SPLITS.index(split), n, first)
        if self.closed_form:
            mean, std = chosen.mean[rows], chosen.std[rows]
            memory.require(8 * n * mean.size, f"{n:,} draws from q(z|x) of each image", "Ask for fewer.")
            return mean + std * rng.standard_normal((n, *mean.shape), np.float32)
        return self.sample_posterior(chosen.images(rows), n, rng)

    def decode(self, z) -> tuple[np.ndarray, ...]:
        """z (N, D) -> image means per view, (N, H, W, C) float32 in [0, 1] where the data are.

        Raises:
            ConfigError: the images do not fit into memory.
        """
        pixels = sum(map(math.prod, self.data_shapes))
        memory.require(2 * 4 * len(z) * pixels, f"{len(z):,} decoded images", "Ask for fewer.")  # batches, then joined
        return self._mapped(self._functions["decode"], np.asarray(z, np.float32))

    def simulate(self, z, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """x ~ p(x|z) per view for z (N, D): (N, H, W, C) in [0, 1] where the data are, before standardisation.

        Views are independent given z.
        """
        from keras import ops

        structure, out = self._structure, []
        for start in range(0, len(z), self._batch):
            decoded = structure.decode(ops.convert_to_tensor(np.asarray(z[start : start + self._batch], np.float32)))
            drawn = [p.sample(params, int(rng.integers(2**31))) for p, params in zip(structure.likelihoods, decoded)]
            out.append([ops.convert_to_numpy(self._vae.preprocessing.to_image(x)) for x in drawn])
        return tuple(np.concatenate(view) for view in zip(*out))

    def log_prob(self, images, z) -> np.ndarray:
        """log p(x|z) in nats, views summed: z (N, D) -> (N,), z (S, N, D) -> (S, N). Images never leave the program."""
        views, z = self._views(images), np.asarray(z, np.float32)
        if z.ndim == 2:
            return self._mapped(self._functions["log_prob"], views, z)
        per_call = max(1, self._codes_per_call // len(z))
        by_image = np.ascontiguousarray(z.swapaxes(0, 1))  # (N, S, D)
        return self._mapped(self._functions["log_prob_samples"], views, by_image, batch=per_call).T

    def log_q(self, images, z) -> np.ndarray | None:
        """log q(z|x) in nats, shapes as `log_prob`; None where it has no closed form."""
        if not self.closed_form:
            return None
        mean, std = self.encode(images)
        return gaussian_log_density(np.asarray(z), mean, std)

    def log_prior(self, z) -> np.ndarray:
        """log N(z; 0, I) in nats over the last axis."""
        return gaussian_log_density(np.asarray(z), 0.0, 1.0)

    def grad_log_joint(self, images, z) -> tuple[np.ndarray, np.ndarray]:
        """log p(x|z) + log p(z), (N,), and its gradient in z, (N, D)."""
        return self._mapped(self._gradient, np.asarray(z, np.float32), *self._views(images), flat=True)

    @cached_property
    def layers(self) -> list[tuple[str, str, str, tuple, int]]:
        """(network, layer name, type, output shape, parameters) of every layer, for the architecture diagram."""
        return self._structure.layer_table()

    @cached_property
    def _codes_per_call(self) -> int:
        """Codes that are decoded at once: as many as make 64 MB of the largest layer's output, but a batch at least."""
        largest = max(math.prod(shape) for _, _, _, shape, _ in self.layers)
        return min(max(2**24 // largest, self._batch), 4000)

    @cached_property
    def _functions(self):
        vae, structure = self._vae, self._structure

        def seen(views):
            return vae.preprocessing(views, training=False)

        def log_prob_samples(views, by_image):
            from keras import ops

            z = ops.swapaxes(by_image, 0, 1)  # (S, B, D)
            return ops.swapaxes(structure.log_likelihood(seen(views), structure.decode(z)), 0, 1)

        functions = {
            "decode": lambda z: tuple(
                vae.preprocessing.to_image(p.mean(params))
                for p, params in zip(structure.likelihoods, structure.decode(z))
            ),
            "log_prob": lambda views, z: structure.log_likelihood(seen(views), structure.decode(z)),
            "log_prob_samples": log_prob_samples,
        }
        if structure.has_moments:
            functions["encode"] = lambda views: structure.infer(seen(views))
        if not self.closed_form:
            functions["draw"] = lambda views, eps: structure.draw(seen(views), eps)
            functions["rate"] = lambda views, z: vae.objective.rate(seen(views), z)
        return {name: compiled(function) for name, function in functions.items()}

    @cached_property
    def _gradient(self):
        from keras import ops

        def log_joint(z, *views):
            likelihood = self._structure.log_likelihood(
                self._vae.preprocessing(views, training=False), self._structure.decode(z)
            )
            return likelihood - 0.5 * ops.sum(ops.square(z), axis=-1) - 0.5 * self.latent_dim * math.log(2 * math.pi)

        return compiled_gradient(log_joint)

    def _views(self, images) -> tuple:
        views = images if isinstance(images, (tuple, list)) else (images,)
        if len(views) != self.n_views:
            raise ValueError(f"Expected {self.n_views} views. Received: {len(views)}")
        return tuple(views)

    def _mapped(self, function, *arguments, batch=None, flat=False):
        """function over chunks of equal size (the last one padded), so that it is compiled once; results joined."""
        n = len(tree.flatten(arguments)[0])
        batch = min(batch or self._batch, 1 << max(0, (n - 1).bit_length()))
        parts = []
        for start in range(0, n, batch):
            chunk = tree.map_structure(lambda a, s=start: _padded(a[s : s + batch], batch), arguments)
            kept = min(batch, n - start)
            parts.append(tree.map_structure(lambda a, k=kept: a[:k], function(*chunk)))
        if not parts:
            raise ValueError("Expected at least one image or code. Received: 0")
        return tree.map_structure(lambda *same: np.concatenate(same), *parts)


class SplitView:
    """One split: images, labels, codes and per-image terms of the ELBO."""

    def __init__(self, view: LatentView, name: str, split: Split):
        self._view, self._split, self.name = view, split, name
        self.y, self.factors, self.tags = split.y, split.factors, split.tags

    def __len__(self):
        return len(self._split)

    @cached_property
    def x(self) -> tuple[np.ndarray, ...]:
        """Views as stored; with dynamic binarisation the training images are binarised here once, from a fixed seed."""
        if self._view.dataset.binarize == "dynamic" and self.name == "train":
            return binary(self._split, "static", FIXED_SEED, 0).x
        return self._split.x

    def images(self, rows=slice(None)) -> tuple[np.ndarray, ...]:
        """Views in [0, 1], float32, before standardisation."""
        return tuple(to_unit(np.asarray(v[rows])) for v in self.x)

    @cached_property
    def _moments(self):
        return self._view.encode(self.x)

    @property
    def mean(self) -> np.ndarray:
        """E[z|x] under q, (N, D)."""
        return self._moments[0]

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of q(z|x), (N, D)."""
        return self._moments[1]

    @cached_property
    def z(self) -> np.ndarray:
        """One posterior draw per image, (N, D), from the evaluation stream of this split."""
        rng = seeds.generator(self._view.seed, "eval_noise", SPLITS.index(self.name), 1)
        if self._view.closed_form:
            return self.mean + self.std * rng.standard_normal(self.mean.shape, np.float32)
        return self._view.sample_posterior(self.x, 1, rng)[0]

    @cached_property
    def distortion(self) -> np.ndarray:
        """-log p(x|z) at `z`, nats, (N,)."""
        return -self._view.log_prob(self.x, self.z)

    @cached_property
    def rate_per_latent(self) -> np.ndarray | None:
        """KL(q(z_d|x) || N(0, 1)) in nats, (N, D); None without closed form."""
        if not self._view.closed_form:
            return None
        mean, std = self.mean.astype(np.float64), self.std.astype(np.float64)
        return 0.5 * (mean**2 + std**2 - 1.0) - np.log(std)

    @cached_property
    def rate(self) -> np.ndarray:
        """KL(q(z|x) || p(z)) in nats, (N,); the critic's estimate at `z` where there is no closed form."""
        if self._view.closed_form:
            return self.rate_per_latent.sum(axis=1)
        return self._view._mapped(self._view._functions["rate"], self.x, self.z)


def gaussian_log_density(z, mean, std) -> np.ndarray:
    """log N(z; mean, diag(std^2)) in nats, summed over the last axis."""
    return np.sum(-0.5 * np.square((z - mean) / std) - np.log(std) - 0.5 * math.log(2 * math.pi), axis=-1)


def _padded(a, n):
    a = np.ascontiguousarray(a)
    return a if len(a) == n else np.concatenate([a, np.repeat(a[-1:], n - len(a), axis=0)])
