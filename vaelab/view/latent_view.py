"""LatentView: the one bridge from Keras to numpy. Metrics, pictures and the explorer read it and nothing else."""

import math
from functools import cached_property

import numpy as np
from keras import tree

from vaelab.compute import seeds
from vaelab.compute.compiled import compiled, compiled_gradient, reads_weights_anew
from vaelab.compute.normal import log_normal
from vaelab.contracts import Likelihood, Objective, Structure, has_density, misfit_of, optional
from vaelab.datasets.base import Rows, Split, to_unit
from vaelab.datasets.prepare import FIXED_SEED, binary
from vaelab.errors import DataError, NotApplicable
from vaelab.system import memory
from vaelab.view.prior_view import NumpyPrior
from vaelab.view.seen import Seen

SPLITS = ("train", "validation", "test")
_PRIOR_DRAWS = 11  # the sub-stream of draws behind moments of a prior without closed forms


class LatentView:
    """A trained model and its dataset, seen through numpy. Everything is computed once, when first asked for.

    Args:
        vae: a `VAEModel` in float32.
        dataset: the `Dataset` it was trained on.
        name: run name for titles.
        seed: the run's seed; evaluation draws come from streams of their own.
        history: one dict per epoch.
        weights_epoch: the epoch whose weights the model holds; None while it is being trained.
        schedules: function () -> {"beta": (epochs, values), "learning_rate": ..., "capacity": ...}, as far as they are
            known; None where they are not.
        frames: function () -> [(epoch, arrays)] kept during training; None where there are none.
        foreign: function (name, resize) -> views of another dataset's test images, prepared as the run's own.
        batch: images per compiled call.
        prior: one to see the model with in the place of its own.
        own: the run's view of its own dataset, for one of other images (`on`).
    """

    def __init__(
        self, vae, dataset, *, name, seed, history=(), weights_epoch=None, schedules=None, frames=None, batch=500,
        prior=None, foreign=None, own=None,
    ):  # fmt: skip
        self._vae, self._structure, self.dataset = vae, vae.structure, dataset
        self.name, self.seed, self.weights_epoch, self._batch = name, seed, weights_epoch, batch
        self._schedules, self._frames, self._foreign, self.own = schedules, frames, foreign, own
        self.latent_dim, self.parts = self._structure.latent_dim, dict(self._structure.latent_parts)
        self.n_views, self.data_shapes, self.condition = len(dataset.shapes), dataset.shapes, dataset.condition
        self.class_names, self.tag_names = tuple(dataset.class_names), tuple(dataset.tag_names)
        self.factor_names, self.factor_sizes = tuple(dataset.factor_names), tuple(dataset.factor_sizes)
        self.data_kind, self.closed_form = dataset.data_kind, self._structure.closed_form
        self.has_density, self.enumerated = has_density(self._structure, Structure), dataset.enumerated
        self.eps_dim = self.latent_dim if self.has_density else self._structure.eps_dim
        # a probability of the stored data, so that bits per dimension mean something
        self.discrete = all(
            optional(p, Likelihood, "discrete") and misfit_of(p, dataset) is None for p in self._structure.likelihoods
        )
        self._prior = self._structure.prior if prior is None else prior
        self.prior = NumpyPrior(self._prior, self.latent_dim, lambda: self.rng("plots", _PRIOR_DRAWS))
        names = dict.fromkeys(name for row in history for name in row)  # metrics every few epochs have rows without
        self.history = {k: [row.get(k) for row in history] for k in names}
        self._splits = {}

    def again(self, history) -> "LatentView":
        """A view of the same model after more training: it computes everything anew, with the functions compiled here.

        Args:
            history: one dict per epoch.
        """
        fresh = LatentView(
            self._vae, self.dataset, name=self.name, seed=self.seed, history=history, schedules=self._schedules,
            frames=self._frames, batch=self._batch, foreign=self._foreign,
        )  # fmt: skip
        if reads_weights_anew():
            fresh._functions = self._functions
        return fresh

    def with_prior(self, prior) -> "LatentView":
        """The same model with another prior; codes and what is decoded stay, with the functions compiled here."""
        other = LatentView(
            self._vae, self.dataset, name=self.name, seed=self.seed, weights_epoch=self.weights_epoch,
            batch=self._batch, prior=prior, foreign=self._foreign, own=self.own,
        )  # fmt: skip
        other._functions = self._functions
        return other

    def on(self, dataset) -> "LatentView":
        """The same model on images that it was not trained on, with the functions compiled here.

        Args:
            dataset: a `Dataset` of the same shapes, prepared as the run's own.
        """
        other = LatentView(
            self._vae, dataset, name=f"{self.name}, on {dataset.name}", seed=self.seed,
            weights_epoch=self.weights_epoch, batch=self._batch, prior=self._prior, foreign=self._foreign,
            own=self.own or self,
        )  # fmt: skip
        other._functions = self._functions
        return other

    def split(self, name: str) -> "SplitView":
        """The train, validation or test split; DataError where the run has none of that name."""
        if name not in self._splits:
            self._splits[name] = SplitView(self, name, self.dataset.split(name))
        return self._splits[name]

    def foreign(self, name: str, *, resize: bool) -> tuple:
        """Test images of another dataset, prepared as the run's own: views as stored, (N, H, W, C), and behind them the
        condition (N, K) where the run has one.

        Raises:
            ConfigError: they do not fit.
            DataError: they are not there.
        """
        if self._foreign is None:
            raise DataError(f"{self.name}: images of {name} are read for a run in a folder only.")
        return self._foreign(name, resize)

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
    def schedules(self) -> dict:
        """{"beta": (epochs, values), "learning_rate": ..., "capacity": ...}, as far as they are known."""
        return {} if self._schedules is None else self._schedules()

    @cached_property
    def learned(self) -> dict[str, float]:
        """{"likelihood_variance": ...} of numbers the likelihood learned beside the decoder; view 2 has `..._2`."""
        return {
            f"likelihood_{name}{'' if self.n_views == 1 else f'_{v}'}": value
            for v, p in enumerate(self._structure.likelihoods, start=1)
            for name, value in (optional(p, Likelihood, "learned") or dict)().items()
        }

    def frames(self) -> list:
        """[(epoch, arrays)] of the frames that training kept."""
        return self._frames() if self._frames else []

    def sample_prior(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """z ~ p(z), (n, D) float64."""
        return self.prior.sample(n, rng)

    def sample_given(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Conditions of n training images drawn at random, ((n, K) float32,); () where the run has none."""
        given = self.dataset.train.given
        return (given[0][rng.integers(len(given[0]), size=n)],) if given else ()

    def log_prior(self, z) -> np.ndarray:
        """log p(z) in nats over the last axis, (..., D) -> (...)."""
        return self.prior.log_density(z)

    @property
    def classify(self):
        """Function images -> chances of each choice of the condition, (N, K); None where none is learned."""
        function = self._functions["classify"]
        return function and (lambda images: self._mapped(function, tuple(images)))

    # -- model functions ------------------------------------------------------------------------------------------

    def encode(self, inputs) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std) of q(z|x), each (N, D). Inputs: tuple of views, or one array, (N, H, W, C), uint8 or [0, 1], and
        behind them the condition (N, K) where the run has one.

        Where they are not known they are moments over `moment_draws` samples.
        """
        views = self._checked(inputs)
        if (n := self.moment_draws) is None:
            return self._mapped(self._functions["encode"], views)
        draws = self.sample_posterior(views, n, self.rng("metrics", n))
        return draws.mean(axis=0), draws.std(axis=0)

    def sample_posterior(self, inputs, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws from q(z|x) of each image, (n, N, D) float32."""
        views = self._checked(inputs)
        memory.require(
            8 * n * len(views[0]) * self.latent_dim, f"{n:,} draws from q(z|x) of each image", "Ask for fewer."
        )
        if self.closed_form:
            return _gaussian_draws(*self.encode(views), n, rng)
        eps_dim = self._structure.eps_dim
        out = np.empty((n, len(views[0]), self.latent_dim), np.float32)
        for k in range(n):
            eps = rng.standard_normal((len(views[0]), eps_dim), np.float32)
            out[k] = self._mapped(self._functions["draw"], views, eps)
        return out

    def see(self, inputs) -> Seen:
        """Images (views as stored, behind them the condition where there is one), each by itself."""
        inputs = self._checked(inputs)
        return Seen(self, inputs[: self.n_views], inputs[self.n_views :])

    def posterior_samples(self, split: str, n: int, rows=slice(None)) -> np.ndarray:
        """n draws from q(z|x) for rows of a split, (n, N, D)."""
        chosen = self.split(split)
        first = int(np.arange(len(chosen))[rows][:1].sum())  # other rows, other draws
        return chosen.sample_posterior(n, self.rng("metrics", SPLITS.index(split), n, first), rows)

    def decode(self, z, *given) -> tuple[np.ndarray, ...]:
        """z (N, D) -> image means per view, (N, H, W, C) float32 in [0, 1] where the data are.

        Args:
            given: the condition of each code, (N, K), where the run has one.

        Raises:
            ConfigError: the images do not fit into memory.
            NotApplicable: the run has a condition and none is given.
        """
        pixels = sum(map(math.prod, self.data_shapes))
        memory.require(2 * 4 * len(z) * pixels, f"{len(z):,} decoded images", "Ask for fewer.")  # batches, then joined
        return self._mapped(self._functions["decode"], np.asarray(z, np.float32), *self._conditions(given))

    def simulate(self, z, rng: np.random.Generator, *given) -> tuple[np.ndarray, ...]:
        """x ~ p(x|z) per view for z (N, D): (N, H, W, C) in [0, 1] where the data are, before standardisation.

        Views are independent given z.
        """
        from keras import ops

        structure, out, codes = self._structure, [], (np.asarray(z, np.float32), *self._conditions(given))
        for start in range(0, len(z), self._batch):
            decoded = structure.decode(*(ops.convert_to_tensor(a[start : start + self._batch]) for a in codes))
            drawn = [p.sample(params, int(rng.integers(2**31))) for p, params in zip(structure.likelihoods, decoded)]
            out.append([ops.convert_to_numpy(self._vae.preprocessing.to_image(x)) for x in drawn])
        return tuple(np.concatenate(view) for view in zip(*out))

    def log_prob(self, inputs, z) -> np.ndarray:
        """log p(x|z) in nats, views summed: z (N, D) -> (N,), z (S, N, D) -> (S, N). Images never leave the program."""
        views, z = self._checked(inputs), np.asarray(z, np.float32)
        if z.ndim == 2:
            return self._mapped(self._functions["log_prob"], views, z)
        return self._of_samples("log_prob_samples", views, z)

    def log_q(self, inputs, z) -> np.ndarray | None:
        """log q(z|x) in nats, shapes as `log_prob`; None where it is not known."""
        if self.closed_form:
            mean, std = self.encode(inputs)
            return np.sum(log_normal(np.asarray(z), mean, std), axis=-1)
        if not self.has_density:
            return None
        z = np.asarray(z, np.float32)
        found = self._of_samples("log_q", self._checked(inputs), z if z.ndim == 3 else z[None])
        return found if z.ndim == 3 else found[0]

    def push(self, inputs, eps) -> tuple[np.ndarray, np.ndarray | None]:
        """(z, log q(z|x), None where it is not known) of noise: eps (S, N, eps_dim) -> (S, N, D), (S, N).

        z ~ q(z|x) where eps ~ N(0, I).
        """
        if self.closed_form:
            mean, std = self.encode(inputs)
            z = mean + std * eps
            return z, np.sum(log_normal(z, mean, std), axis=-1)
        if not self.has_density:
            x = self._checked(inputs)
            return np.stack([self._mapped(self._functions["draw"], x, np.float32(e)) for e in eps]), None
        return self._of_samples("push", self._checked(inputs), np.asarray(eps, np.float32))

    def _of_samples(self, name: str, views, z):
        """A function of views and (S, N, D) whose results are (S, N, ...), in calls of a bearable size."""
        per_call = max(1, self._codes_per_call // len(z))
        found = self._mapped(self._functions[name], views, np.ascontiguousarray(z.swapaxes(0, 1)), batch=per_call)
        return tree.map_structure(lambda a: a.swapaxes(0, 1), found)

    def least_distortion(self, inputs) -> np.ndarray | None:
        """The least -log p(x|z) that any decoder could give, views summed, (N,); None where it is not known."""
        function = self._functions["least_distortion"]
        return function and self._mapped(function, self._checked(inputs))

    def grad_log_joint(self, inputs, z) -> tuple[np.ndarray, np.ndarray]:
        """log p(x|z) + log p(z), (N,), and its gradient in z, (N, D)."""
        return self._mapped(self._gradient, np.asarray(z, np.float32), *self._checked(inputs), flat=True)

    def likelihood_model(self):
        """Functional Keras model [z (B, D) [, condition (B, K)], image of each view] -> [E[x|z] of each view,
        log p(x|z) (B, 1)], images in [0, 1]: what another program needs to know how well a code explains an image.
        """
        import keras
        from keras import ops

        structure, to_network, to_image = self._structure, (1.0, 0.0), (1.0, 0.0)
        if (standardize := self._vae.preprocessing.standardize) is not None:
            mean, std = standardize
            to_network, to_image = (1.0 / std, -mean / std), (std, mean)
        z = keras.Input((self.latent_dim,), name="z")
        given = () if self.condition is None else (keras.Input((self.condition.dim,), name="condition"),)
        images = [keras.Input(s, name=f"image_{v}") for v, s in enumerate(self.data_shapes, start=1)]
        decoded = structure.decode(z, *given)
        seen = tuple(ops.add(ops.multiply(x, to_network[0]), to_network[1]) for x in images)
        log_p = ops.reshape(structure.log_likelihood((*seen, *given), decoded), (-1, 1))
        means = [p.mean(params) * to_image[0] + to_image[1] for p, params in zip(structure.likelihoods, decoded)]
        return keras.Model([z, *given, *images], [*means, log_p], name="likelihood")

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
        from keras import ops

        vae, structure = self._vae, self._structure

        def seen(views):
            return vae.preprocessing(views, training=False)

        def log_likelihood(x, z):
            return structure.log_likelihood(x, structure.decode(z, *x[self.n_views :]))

        def by_image(function):
            """A function of views and z (S, B, D) that takes and returns samples behind images, (B, S, ...)."""

            def swapped(views, z):
                found = function(seen(views), ops.swapaxes(z, 0, 1))
                return tree.map_structure(lambda a: ops.swapaxes(a, 0, 1), found)

            return swapped

        def push(x, eps):
            z = structure.draw(x, eps)
            return z, structure.log_q(x, z)

        least = [optional(p, Likelihood, "least_distortion") for p in structure.likelihoods]
        functions = {
            "least_distortion": (lambda views: sum(f(x) for f, x in zip(least, seen(views)))) if all(least) else None,
            "decode": lambda z, *given: tuple(
                vae.preprocessing.to_image(p.mean(params))
                for p, params in zip(structure.likelihoods, structure.decode(z, *given))
            ),
            "log_prob": lambda views, z: log_likelihood(seen(views), z),
            "log_prob_samples": by_image(log_likelihood),
        }
        classify = optional(vae.objective, Objective, "classify")
        functions["classify"] = classify and (lambda views: ops.exp(classify(seen(views))))
        rates = optional(structure, Structure, "rates")
        functions["rates"] = rates and (lambda views, z: rates(seen(views), z))
        if structure.has_moments:
            functions["encode"] = lambda views: structure.infer(seen(views))
        if self.has_density and not self.closed_form:
            functions |= {"push": by_image(push), "log_q": by_image(structure.log_q)}
        if not self.closed_form:
            functions["draw"] = lambda views, eps: structure.draw(seen(views), eps)
            estimate = optional(vae.objective, Objective, "rate")
            functions["rate"] = estimate and (lambda views, z: estimate(seen(views), z))
        return {name: function and compiled(function) for name, function in functions.items()}

    @cached_property
    def _gradient(self):
        structure = self._structure

        def log_joint(z, *views):
            seen = self._vae.preprocessing(views, training=False)
            decoded = structure.decode(z, *seen[self.n_views :])
            return structure.log_likelihood(seen, decoded) + self._prior.log_prob(z)

        return compiled_gradient(log_joint)

    def _checked(self, inputs) -> tuple:
        """Views, and the condition behind them where the run has one."""
        inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        if len(inputs) < self.n_views:
            raise ValueError(f"Expected {self.n_views} views. Received: {len(inputs)}")
        return (*inputs[: self.n_views], *self._conditions(inputs[self.n_views :]))

    def _conditions(self, given) -> tuple:
        """() or (condition,), as the run has it."""
        if len(given) == (self.condition is not None):
            return tuple(np.asarray(c, np.float32) for c in given)
        if given:
            raise ValueError(f"Expected {self.n_views} views alone: this run has no condition.")
        raise NotApplicable(
            f"this run has a condition (condition={self.condition.option}), and images and codes were used without one."
        )

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
        self.y, self.factors, self.tags, self.masks = split.y, split.factors, split.tags, split.masks

    def __len__(self):
        return len(self._split)

    @cached_property
    def x(self) -> tuple[np.ndarray | Rows, ...]:
        """Views as stored; with dynamic binarisation the training images are binarised here once, from a fixed seed."""
        if self._view.dataset.binarize == "dynamic" and self.name == "train":
            return binary(self._split, "static", FIXED_SEED, 0).x
        return self._split.x

    def images(self, rows=slice(None)) -> tuple[np.ndarray, ...]:
        """Views in [0, 1], float32, before standardisation."""
        return tuple(to_unit(np.asarray(v[rows])) for v in self.x)

    def given(self, rows=slice(None)) -> tuple[np.ndarray, ...]:
        """The condition of the images, ((N, K) float32,); () where the run has none."""
        return tuple(c[rows] for c in self._split.given)

    def inputs(self, rows=slice(None)) -> tuple[np.ndarray, ...]:
        """What the model's functions take: `images` and `given`."""
        return (*self.images(rows), *self.given(rows))

    @property
    def _stored(self) -> tuple:
        """`inputs` of all images, as they are stored."""
        return (*self.x, *self._split.given)

    @cached_property
    def _moments(self):
        return self._view.encode(self._stored)

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
        return self._view.sample_posterior(self._stored, 1, rng)[0]

    @cached_property
    def distortion(self) -> np.ndarray:
        """-log p(x|z) at `z`, nats, (N,)."""
        return -self._view.log_prob(self._stored, self.z)

    def sample_posterior(self, n: int, rng: np.random.Generator, rows=slice(None)) -> np.ndarray:
        """n draws from q(z|x) of each of the rows, (n, N, D) float32."""
        if self._view.closed_form:
            return _gaussian_draws(self.mean[rows], self.std[rows], n, rng)
        return self._view.sample_posterior(self.inputs(rows), n, rng)

    @cached_property
    def rate_per_latent(self) -> np.ndarray | None:
        """KL(q(z_d|x) || p(z_d)) in nats, (N, D); None where it has no closed form."""
        return self._view.prior.rate_of_moments(self.mean, self.std) if self._view.closed_form else None

    @cached_property
    def rate(self) -> np.ndarray | None:
        """KL(q(z|x) || p(z)) in nats, (N,): in closed form, or log q(z|x) - log p(z) at `z`; where q(z|x) has no
        density the objective's estimate there, None where it makes none.
        """
        view = self._view
        if self.rate_per_latent is not None:
            return self.rate_per_latent.sum(axis=1)
        if view.closed_form:
            log_q = np.sum(log_normal(np.asarray(self.z, np.float64), self.mean, self.std), axis=-1)
            return log_q - view.log_prior(self.z)
        if view.has_density:
            return np.asarray(view.log_q(self._stored, self.z), np.float64) - view.log_prior(self.z)
        estimate = view._functions["rate"]
        return estimate and view._mapped(estimate, self._stored, self.z)

    @cached_property
    def rate_per_part(self) -> dict[str, np.ndarray] | None:
        """{part: its rate at `z`, (N,)} of latents in several levels; None where it is not told by part."""
        view = self._view
        if (rates := view._functions["rates"]) is None or view._prior is not view._structure.prior:
            return None
        return dict(zip(view.parts, np.asarray(view._mapped(rates, self._stored, self.z), np.float64).T))


def _gaussian_draws(mean, std, n: int, rng: np.random.Generator) -> np.ndarray:
    """n draws from N(mean, std^2), (n, N, D) float32."""
    memory.require(8 * n * mean.size, f"{n:,} draws from q(z|x) of each image", "Ask for fewer.")
    return mean + std * rng.standard_normal((n, *mean.shape), np.float32)


def _padded(a, n):
    a = np.ascontiguousarray(a)
    return a if len(a) == n else np.concatenate([a, np.repeat(a[-1:], n - len(a), axis=0)])
