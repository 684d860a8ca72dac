"""Several views with a latent part each and one that they share."""

from typing import Any

import keras
from keras import layers, ops

from vaelab.config.types import NonNegativeInt
from vaelab.contracts import Posterior, optional
from vaelab.errors import ConfigError
from vaelab.structures.conditioning import exported, joined
from vaelab.structures.decoding import decode_samples
from vaelab.structures.networks import concatenated, cut, cuts, layer_rows, renamed
from vaelab.structures.outputs import Outputs
from vaelab.structures.rates import rate_of
from vaelab.structures.view_encoder import ViewEncoder


class Conjoint(layers.Layer):
    """x = (x_1, ..., x_V); z = [private_1, ..., private_V, shared]; x_i ~ p(x_i | private_i, shared).

    Each view has its own features h_i. private_i is a posterior head on h_i, shared one head on all of them,
    [h_1, ..., h_V]; decoder i reads [private_i, shared]; nothing else is shared. A condition c stands behind what each
    head and each decoder reads. One joint ELBO: log-likelihoods are
    summed over views, the rate is that of the private parts plus that of the shared part once.

    Args:
        private_dims: latents of each view's own part: one number for all views, or one each; 0 leaves the part out.
        shared_dim: latents of the shared part.
        architecture: has `encoder(data_shape, noise_dim)` and `decoder(data_shape, latent_dim, likelihood_channels)`.
        make_posterior: function (latent_dim, name) -> posterior layer.
        make_prior: function (latent_dim) -> prior.
        make_likelihood: function () -> likelihood layer.
        data_shapes: (H, W, C) of each view.
        latent_dim: None, or the sum of all parts.
        condition_dim: K, 0 for no condition.
        condition_planes: whether images also get a constant channel for each of its columns.
    """

    def __init__(
        self,
        *,
        private_dims: NonNegativeInt | list[NonNegativeInt],
        shared_dim: NonNegativeInt,
        architecture,
        make_posterior,
        make_prior,
        make_likelihood,
        data_shapes,
        latent_dim,
        condition_dim=0,
        condition_planes=False,
    ):
        super().__init__(name="structure", dtype="float32")
        self.condition_dim = condition_dim
        self.data_shapes = tuple(map(tuple, data_shapes))
        numbers = range(1, len(self.data_shapes) + 1)
        private = _private_dims(private_dims, len(self.data_shapes))
        self._sizes = {f"private_{i}": n for i, n in zip(numbers, private) if n} | {"shared": shared_dim}
        if not shared_dim:
            del self._sizes["shared"]
        self._view_parts = tuple(tuple(p for p in (f"private_{i}", "shared") if p in self._sizes) for i in numbers)
        self.latent_dim = _latent_dim(private, shared_dim, latent_dim, self._view_parts)
        self.prior = make_prior(self.latent_dim)
        self.heads = [make_posterior(size, name) for name, size in self._sizes.items()]
        self.views = [make_likelihood() for _ in self.data_shapes]
        self.encoders, self.decoders = [], []
        for i, shape in zip(numbers, self.data_shapes):
            with keras.name_scope(f"encoder_{i}"):  # variables of the views need names of their own in one `.h5`
                encoder = ViewEncoder(
                    architecture, shape, self.heads[0], network=f"encoder_{i}", noise=f"view_{i}_noise",
                    planes=condition_dim if condition_planes else 0,
                )  # fmt: skip
            self.encoders.append(encoder)
        for name, head in zip(self._sizes, self.heads):
            head.build((None, sum(self.encoders[v].features_dim for v in self._read_by(name)) + condition_dim))
        for i, shape, p in zip(numbers, self.data_shapes, self.views):
            with keras.name_scope(f"decoder_{i}"):
                decoder = architecture.decoder(shape, self._read(i) + condition_dim, p.channels(shape[-1]))
            self.decoders.append(renamed(decoder, f"decoder_{i}"))
        self.built = True

    def _read_by(self, part):
        """Numbers (from 0) of the views whose features a head reads."""
        return range(len(self.data_shapes)) if part == "shared" else [int(part.removeprefix("private_")) - 1]

    def _read(self, number):
        """Latents the decoder of a view (from 1) reads."""
        return sum(self._sizes[part] for part in self._view_parts[number - 1])

    @property
    def posterior_name(self):
        """The option of the group posterior."""
        return optional(self.heads[0], Posterior, "option")

    @property
    def closed_form(self):
        """Whether q(z|x) is a diagonal Gaussian with a density that is known."""
        return self.heads[0].closed_form

    @property
    def has_moments(self):
        """Whether mean and standard deviation of q(z|x) are known (`infer`)."""
        return self.heads[0].has_moments

    @property
    def has_density(self):
        """Whether q(z|x), no diagonal Gaussian, has an exact density all the same."""
        return optional(self.heads[0], Posterior, "has_density")

    @property
    def eps_dim(self):
        """Size of the noise that `draw` takes: that of each view's encoder, then that of each head."""
        return sum(self._noise_sizes)

    @property
    def _noise_sizes(self):
        return [e.noise_dim for e in self.encoders] + [optional(h, Posterior, "head_noise_dim") for h in self.heads]

    @property
    def likelihoods(self):
        """One likelihood per view."""
        return tuple(self.views)

    @property
    def latent_parts(self):
        """Named slices of the latent vector: private_1, ..., private_V, shared."""
        return dict(zip(self._sizes, cuts(self._sizes.values())))

    @property
    def view_parts(self):
        """For each view the names of the parts its decoder reads."""
        return self._view_parts

    def call(self, x, training=False, samples=None, rows=None):
        """x: tuple of views (B, H, W, C) each [and the condition (B, K), here and below] -> Outputs."""
        views, given = self._parted(x)
        features = [encoder(view, *given, training=training) for encoder, view in zip(self.encoders, views)]
        drawn = [
            head(self._seen(name, features, given), training=training, samples=samples)
            for name, head in zip(self._sizes, self.heads)
        ]
        z = ops.concatenate([z for z, _ in drawn], axis=-1)
        q = self._together([q for _, q in drawn])
        return Outputs(z, q, self.decode(z, *given, training=training), rate_of(self, z, q, rows))

    def _parted(self, x):
        """(views, () or (condition,))."""
        n = len(self.data_shapes)
        return x[:n], x[n:]

    def _together(self, parameters) -> Any:
        """q of the parts' parameters: one after another in the latent axis, those of flows as they are."""
        if self.has_density or parameters[0] is None:
            return tuple(parameters) if self.has_density else None
        return type(parameters[0])(*(ops.concatenate(values, axis=-1) for values in zip(*parameters)))

    def _posterior_of(self, x):
        """q of views."""
        views, given = self._parted(x)
        features = [encoder(view, *given) for encoder, view in zip(self.encoders, views)]
        heads = zip(self._sizes, self.heads)
        return self._together([h.parameters(self._seen(name, features, given)) for name, h in heads])

    def _seen(self, part, features, given):
        """What the head of a part reads, (B, F + K)."""
        seen = [features[v] for v in self._read_by(part)]
        return joined(seen[0] if len(seen) == 1 else ops.concatenate(seen, axis=-1), *given)

    def infer(self, x):
        """(mean, std) of q(z|x), each (B, D), where it `has_moments`."""
        q = self._posterior_of(x)
        return q.mean, q.std

    def draw(self, x, eps):
        """z ~ q(z|x), (B, D), made from eps ~ N(0, I) of shape (B, eps_dim); (S, B, .) where it `has_density`."""
        noises = [eps[..., part] for part in cuts(self._noise_sizes)]
        views, given = self._parted(x)
        features = [e(view, *given, eps=noise) for e, view, noise in zip(self.encoders, views, noises)]
        seen = [self._seen(name, features, given) for name in self._sizes]
        heads = zip(self.heads, seen, noises[len(self.encoders) :])
        return ops.concatenate([head(own, eps=noise)[0] for head, own, noise in heads], axis=-1)

    def decode(self, z, *given, training=False):
        """z (B, D) or (S, B, D) [, condition (B, K)] -> tuple of likelihood parameters, one for each view."""
        parts = self.latent_parts
        return tuple(
            decode_samples(
                lambda codes, d=decoder: d(codes, training=training),
                joined(ops.concatenate([z[..., parts[name]] for name in read], axis=-1), *given),
            )
            for decoder, read in zip(self.decoders, self._view_parts)
        )

    def log_likelihood(self, x, decoded):
        """log p(x|z) in nats, views summed: (B,) or (S, B)."""
        return sum(p.log_prob(view, params) for p, view, params in zip(self.views, x, decoded))

    def log_posterior(self, z, q):
        """log q(z|x) in nats: (B,) or (S, B)."""
        if self.closed_form:
            return self.heads[0].log_prob(z, q)
        parts = self.latent_parts.values()
        return sum(head.log_prob(z[..., part], own) for head, part, own in zip(self.heads, parts, q))

    def log_q(self, x, z):
        """The same of views and z."""
        return self.log_posterior(z, self._posterior_of(x))

    def export(self, to_network, to_image):
        """(encoder, decoder, reconstruction) as functional models of built-in layers, on images in [0, 1].

        The encoder maps (x_1, ..., x_V) to (mean, std), or (x_1, ..., x_V, noise) to z where q(z|x) has no closed form,
        latents in the order [private_1, ..., private_V, shared]; the decoder maps z to one image for each view. A
        condition is the last input of each, by that name.

        Args:
            to_network, to_image: symbolic maps between [0, 1] and what the network sees (standardisation, or nothing).
        """
        decoder = self._exported_decoder(to_image)
        encoder = self._exported_encoder(to_network)
        again = self._inputs()
        code = encoder(again)
        z = code[0] if self.closed_form else code
        given = again[-1:] if self.condition_dim else []
        return encoder, decoder, keras.Model(again, decoder([z, *given] if given else z), name="vae")

    def _inputs(self):
        """Fresh symbolic inputs: the images, then the noise and the condition where there are any."""
        inputs = [keras.Input(s, name=f"image_{i}") for i, s in enumerate(self.data_shapes, start=1)]
        noise = [] if self.closed_form else [keras.Input((self.eps_dim,), name="noise")]
        return [*inputs, *noise, *self._given()]

    def _given(self):
        """[] or [symbolic condition]."""
        return [keras.Input((self.condition_dim,), name="condition")] if self.condition_dim else []

    def _exported_encoder(self, to_network):
        inputs = self._inputs()
        given = inputs[-1:] if self.condition_dim else []
        n_views = len(self.data_shapes)
        noises = [None] * (n_views + len(self.heads))
        if not self.closed_form:
            parts = cuts(self._noise_sizes)
            noises = [cut(inputs[n_views], part, f"noise_{n}") for n, part in enumerate(parts, start=1)]
        features = []
        for i, (view, noise) in enumerate(zip(self.encoders, noises), start=1):
            image = keras.Input(self.data_shapes[i - 1], name=f"image_{i}")
            own = [] if noise is None else [noise]
            entries = [image, *(keras.Input(n.shape[1:], name="noise") for n in own)]
            code = self._given() if view.planes else []
            inner = view.exported(to_network(image), entries[-1], code)
            model = keras.Model([*entries, *code], inner, name=f"features_{i}")
            features.append(model([inputs[i - 1], *own, *(given if code else [])]))
        parts = [
            head.exported(self._exported_seen(name, features, given), noise)
            for name, head, noise in zip(self._sizes, self.heads, noises[n_views:])
        ]
        if self.closed_form:
            outputs = [concatenated([part[k] for part in parts], name) for k, name in enumerate(("mean", "std"))]
        else:
            outputs = concatenated(parts, "z")
        return keras.Model(inputs, outputs, name="encoder")

    def _exported_seen(self, part, features, given):
        """`_seen` of symbolic tensors."""
        seen = concatenated([features[v] for v in self._read_by(part)], f"{part}_features")
        return exported(seen, given, f"{part}_features_and_condition")

    def _exported_decoder(self, to_image):
        z, parts, images = keras.Input((self.latent_dim,), name="z"), self.latent_parts, []
        given = self._given()
        for i, (decoder, p, read) in enumerate(zip(self.decoders, self.views, self._view_parts), start=1):
            code = keras.Input((self._read(i) + self.condition_dim,), name="z")
            with keras.name_scope(f"likelihood_{i}"):  # .h5 files want every weight's path to differ
                image = to_image(p.exported(decoder(code)))
            model = keras.Model(code, image, name=f"view_{i}")
            own = concatenated([cut(z, parts[name], f"{name}_of_view_{i}") for name in read], f"z_of_view_{i}")
            images.append(model(exported(own, given, f"z_of_view_{i}_and_condition")))
        return keras.Model([z, *given] if given else z, images, name="decoder")

    def layer_table(self):
        """(network, layer, type, output shape, parameters) of every layer; heads are a network of their own."""
        rows = [row for e in self.encoders for row in layer_rows(e.network.name, e.network)]
        rows += [
            ("posterior", f"{name}: {row[0]}", *row[1:])
            for name, h in zip(self._sizes, self.heads)
            for row in h.layer_rows()
        ]
        return rows + [row for d in self.decoders for row in layer_rows(d.name, d)]


def _private_dims(dims, n_views):
    """One number for each view; ConfigError where a list has another length."""
    dims = [dims] * n_views if isinstance(dims, int) else list(dims)
    if len(dims) != n_views:
        raise ConfigError(
            f"structure.private_dims: expected a number, or one for each of the dataset's {n_views} views. Got {dims}."
        )
    return dims


def _latent_dim(private, shared, given, view_parts):
    """D, the sum of all parts; ConfigError where a view has no latents or another number was given."""
    for number, read in enumerate(view_parts, start=1):
        if not read:
            raise ConfigError(
                f"View {number} would have no latents: structure.private_dims={private} and structure.shared_dim=0. "
                "Give it at least one."
            )
    total = sum(private) + shared
    if given not in (None, total):
        raise ConfigError(
            f"latent_dim follows from structure.private_dims={private} and structure.shared_dim={shared}: it is "
            f"{total}. Got {given}; leave latent_dim out."
        )
    return total
