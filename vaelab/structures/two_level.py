"""One view, several levels of latents: z_L makes z_(L-1), ..., all of them make x.

How it fits the contracts, so that what reads a view or a prior need not know of levels:

* The latent vector is z = [z_1, ..., z_L], z_1 nearest to the image; `latent_parts` names its slices level_1, ...
* q(z|x) = q(z_L|x) prod_l q(z_l | x, z_>l) is a density that is known for every z and no Gaussian, like that of a flow:
  `has_density`, not `closed_form`. `draw` makes z from noise of its size, the highest level first; nll draws from it.
* p(z) = p(z_L) prod_l p(z_l | z_>l) is the structure's `prior` (`level_prior.LevelPrior`), whose first factor is the
  part of the group prior; it is made for z_L alone, and asks for q(z_L|x) where it is made of that (`infer_top`).
* The decoder reads all levels: p(x|z). So log p(x, z) and its gradient are what AIS needs.
* The rate is a sum over levels, each given one draw of those above it; `rates` and `Outputs.rate` say each.
"""

from typing import Any, Literal, NamedTuple

import keras
from keras import layers, ops

from vaelab.compute.normal_ops import log_std_and_share, rate_of_gaussians
from vaelab.config.types import Activation, PositiveInt
from vaelab.contracts import Posterior, Prior, has_density, optional
from vaelab.errors import ConfigError
from vaelab.structures.conditioning import exported, joined
from vaelab.structures.decoding import decode_samples
from vaelab.structures.level_prior import (
    Below,
    LevelPrior,
    exported_draw,
    exported_noisy,
    exported_product,
    fed,
    made_of,
)
from vaelab.structures.networks import concatenated, cut, cuts, layer_rows
from vaelab.structures.outputs import Outputs
from vaelab.structures.view_encoder import ViewEncoder


class LevelFeatures(NamedTuple):
    """What q(z|x) depends on x by: for each level features (B, F) of the image, and () or the condition ((B, K),)."""

    features: tuple
    given: tuple


class TwoLevel(layers.Layer):
    """z = [z_1, ..., z_L]; q(z_l | x, z_>l), p(z_l | z_>l) and p(x|z) are networks, p(z_L) is the prior.

    Each q(z_l | x, z_>l) has an encoder of its own; its features and a layer of each level above are joined, and the
    posterior's heads read a layer on them. p(z_l | z_>l) is the same without an image, of the posterior's family.
    The decoder reads a layer of each level. With the gated layers of 300 and model=gated_dense model.hidden_dims=[300]
    these are the networks of the papers. A condition c joins what the heads of q and the decoder read; p(z) has none.

    inference=ladder: the heads say N(m_l, s_l^2) of the image alone, and q(z_l | x, z_>l) is proportional to that times
    p(z_l | z_>l): its precision is the sum of theirs, its mean weighs theirs by precision.

    Args:
        levels: latents of z_1, ..., z_L, two levels or more.
        hidden_dim: units W of the layers between the levels.
        inference: what q(z_l | x, z_>l) of a level below the highest is: direct, a network of both, or ladder.
        activation: of these layers; gated: h(x) * sigmoid(g(x)).
        architecture: has `encoder(data_shape, noise_dim)` and `decoder(data_shape, latent_dim, likelihood_channels)`.
        make_posterior: function (latent_dim, name) -> posterior layer.
        make_prior: function (latent_dim) -> prior, of the highest level.
        make_likelihood: function () -> likelihood layer.
        data_shapes: one (H, W, C).
        latent_dim: None, or the sum of the levels.
        condition_dim: K, 0 for no condition.
        condition_planes: whether images also get a constant channel for each of its columns.

    References:
        Rezende, Mohamed & Wierstra (2014), Stochastic backpropagation in deep generative models; Tomczak & Welling
        (2018), VAE with a VampPrior, for the networks; Sonderby, Raiko, Maaloe, Sonderby & Winther (2016), Ladder
        variational autoencoders, there with one encoder that all levels share.
    """

    closed_form = has_moments = False
    has_density = True
    levels = 2  # or more

    def __init__(
        self,
        *,
        levels: list[PositiveInt],
        hidden_dim: PositiveInt,
        inference: Literal["direct", "ladder"],
        activation: Activation | Literal["gated"],
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
        if len(data_shapes) != 1:
            raise ConfigError(
                f"structure=two_level takes one view, this dataset has {len(data_shapes)}. Use structure=conjoint."
            )
        self.latent_dim = _latent_dim(levels, latent_dim)
        (self.data_shape,) = self.data_shapes = tuple(map(tuple, data_shapes))
        self.condition_dim, self.levels = condition_dim, len(levels)
        self.latent_parts = dict(zip((f"level_{k}" for k in range(1, len(levels) + 1)), cuts(levels)))
        sizes = dict(zip(self.latent_parts, levels))
        *lower, top = self._names = list(sizes)
        self.heads = [make_posterior(size, name) for name, size in sizes.items()]
        if not has_density(self.heads[0], Posterior):
            raise ConfigError(
                f"structure=two_level needs the density of q(z|x); posterior={self.posterior_name} has none. "
                "Use posterior=gaussian or realnvp, or structure=single."
            )
        self.ladder = inference == "ladder"
        if self.ladder and not self.heads[0].closed_form:
            raise ConfigError(
                f"structure.inference=ladder multiplies Gaussians; posterior={self.posterior_name} is none. Use "
                "posterior=gaussian, or structure.inference=direct."
            )
        width = {"width": hidden_dim, "activation": activation}
        self.encoders, self.joins, self.below_joins = [], [], []
        for k, name in enumerate(self._names):
            above = {n: sizes[n] for n in self._names[k + 1 :]}
            with keras.name_scope(f"encoder_{name}"):  # variables need names of their own in one `.h5`
                self.encoders.append(ViewEncoder(
                    architecture, self.data_shape, self.heads[k], network=f"encoder_{name}", noise=f"{name}_noise",
                    planes=condition_dim if condition_planes else 0,
                ))  # fmt: skip
                with_x = {} if self.ladder else above
                read = {"features": self.encoders[k].features_dim, **with_x}
                self.joins.append(_join(read, with_x, network=f"q_{name}", **width))
            if above:
                with keras.name_scope(f"prior_{name}"):
                    self.below_joins.append(_join(above, above, network=f"prior_{name}", **width))
            self.heads[k].build((None, hidden_dim + condition_dim))
        self.below_heads = [make_posterior(sizes[name], f"prior_{name}") for name in lower]
        for head in self.below_heads:
            head.build((None, hidden_dim))
        self.below = Below(self.latent_parts, self.below_joins, self.below_heads)
        self.prior = LevelPrior(make_prior(sizes[top]), self.below)
        self.likelihood = make_likelihood()
        with keras.name_scope("decoder"):
            self.spread = _join(sizes, sizes, network="decoder_levels", last=False, **width)
            self.decoder = architecture.decoder(
                self.data_shape, hidden_dim * len(levels) + condition_dim, self.likelihood.channels(self.data_shape[-1])
            )
        self.rate_parts = dict(zip(sizes, cuts(self._rate_sizes())))
        self.built = True

    @property
    def posterior_name(self):
        """The option of the group posterior."""
        return optional(self.heads[0], Posterior, "option")

    @property
    def eps_dim(self):
        """Size of the noise that `draw` takes."""
        return self.latent_dim

    @property
    def likelihoods(self):
        """One likelihood per view."""
        return (self.likelihood,)

    @property
    def view_parts(self):
        """For each view the names of the parts its decoder reads."""
        return (tuple(self._names),)

    @property
    def infer_top(self):
        """Function x -> (mean, std) of q(z_L|x), each (B, d); None where that is no Gaussian."""
        return self._infer_top if self.heads[-1].closed_form else None

    def _infer_top(self, x):
        encoder, join = self.encoders[-1], self.joins[-1]
        q = self.heads[-1].parameters(joined(join(encoder(*x)), *x[1:]))
        return q.mean, q.std

    def call(self, x, training=False, samples=None, rows=None):
        """x: tuple of one view (B, H, W, C) [and the condition (B, K), here and below] -> Outputs."""
        known = self._known(x, training)
        top, q = self.heads[-1](joined(known.features[-1], *known.given), training=training, samples=samples)
        rates, flat = [self._top_rate(top, q, rows)], _over_samples(known, top)
        levels = [_flat(top)]
        for k in reversed(range(self.levels - 1)):
            z, q = self._drawn(k, flat, levels, training)
            levels.insert(0, z)
            rates.insert(0, self._lower_rate(k, levels, q, top))
        z = _like(ops.concatenate(levels, axis=-1), top)
        decoded = self.decode(z, *x[1:], training=training)
        return Outputs(z, known, decoded, ops.concatenate(rates, axis=-1))

    def _known(self, x, training=False) -> LevelFeatures:
        """The features of a level whose head reads nothing else, as the highest's, are those behind its layer."""
        features = [encoder(*x, training=training) for encoder in self.encoders]
        alone = range(0 if self.ladder else self.levels - 1, self.levels)
        return LevelFeatures(tuple(self.joins[k](f) if k in alone else f for k, f in enumerate(features)), tuple(x[1:]))

    def _seen(self, level, known, above):
        """What the head of a level reads, (B, W + K); above: z_(l+1), ..., z_L."""
        features = known.features[level]
        reads_above = above and not self.ladder
        return joined(fed(self.joins[level], [features, *above]) if reads_above else features, *known.given)

    def _posterior_of(self, level, known, above):
        """Parameters of q(z_l | x, z_>l)."""
        return self._with_prior(level, self.heads[level].parameters(self._seen(level, known, above)), above)

    def _with_prior(self, level, q, above):
        """Parameters of the Gaussian that is proportional to that of a head and, as a ladder, to p(z_l | z_>l)."""
        if not (self.ladder and above):
            return q
        p = self.below_heads[level].parameters(fed(self.below_joins[level], above))
        log_std, share = log_std_and_share(q, p)
        return q._replace(mean=p.mean + share * (q.mean - p.mean), std=ops.exp(log_std), log_std=log_std)

    def _drawn(self, level, known, above, training):
        """(z_l ~ q(z_l | x, z_>l), its parameters); z_(l+1), ..., z_L above it."""
        z, of_x = self.heads[level](self._seen(level, known, above), training=training)
        if not self.ladder:
            return z, of_x
        q = self._with_prior(level, of_x, above)
        return q.mean + q.std * (z - of_x.mean) / of_x.std, q  # the same eps

    def _made(self, level, known, above, eps):
        """z_l ~ q(z_l | x, z_>l) of noise eps ~ N(0, I), (B, d)."""
        if not self.ladder:
            return made_of(self.heads[level], self._seen(level, known, above), eps)
        q = self._posterior_of(level, known, above)
        return q.mean + q.std * eps

    def _rate_sizes(self):
        """How many numbers of `Outputs.rate` each level has: one for each latent where its rate is a closed form."""
        sizes = [part.stop - part.start for part in self.latent_parts.values()]
        known = self.heads[0].closed_form
        top = known and optional(self.prior.top, Prior, "rate") is not None
        return [*(n if known else 1 for n in sizes[:-1]), sizes[-1] if top else 1]

    def _top_rate(self, z, q, rows):
        """KL(q(z_L|x) || p(z_L)) as `Outputs.rate` has it."""
        head, prior = self.heads[-1], self.prior.top
        per_latent = optional(prior, Prior, "rate")
        if head.closed_form and per_latent is not None:
            found = per_latent(q)
            return ops.broadcast_to(found, ops.shape(z)) if len(z.shape) == 3 else found
        log_prior = prior.log_prob(z) if rows is None else prior.training_log_prob(z, rows)
        return ops.expand_dims(head.log_prob(z, q) - log_prior, axis=-1)

    def _lower_rate(self, level, levels, q, like):
        """KL(q(z_l | x, z_>l) || p(z_l | z_>l)) at the draws z_>l, and at that of z_l where it has no closed form."""
        above, head = levels[1:], self.below_heads[level]
        p = head.parameters(fed(self.below_joins[level], above))
        if head.closed_form:
            return _like(rate_of_gaussians(q, p), like)
        return _like(ops.expand_dims(self.heads[level].log_prob(levels[0], q) - head.log_prob(levels[0], p), -1), like)

    def infer(self, x):
        """Not known: what is shown of mean and standard deviation comes from `draw`."""
        raise NotImplementedError("The moments of q(z|x) of several levels have no closed form.")

    def draw(self, x, eps):
        """z ~ q(z|x), made from eps ~ N(0, I): (B, D) or (S, B, D)."""
        known, flat = _over_samples(self._known(x), eps), _flat(eps)
        levels = []
        for k, part in reversed(list(enumerate(self.latent_parts.values()))):
            levels.insert(0, self._made(k, known, levels, flat[:, part]))
        return _like(ops.concatenate(levels, axis=-1), eps)

    def decode(self, z, *given, training=False):
        """z (B, D) or (S, B, D) [, condition (B, K)] -> tuple of likelihood parameters."""
        levels = [_flat(z)[:, part] for part in self.latent_parts.values()]
        spread = _like(self.spread(levels, training=training), z)
        return (decode_samples(lambda codes: self.decoder(codes, training=training), joined(spread, *given)),)

    def log_likelihood(self, x, decoded):
        """log p(x|z) in nats, views summed: (B,) or (S, B)."""
        return sum(p.log_prob(view, params) for p, view, params in zip(self.likelihoods, x, decoded))

    def log_posterior(self, z, q: LevelFeatures):
        """log q(z|x) in nats: (B,) or (S, B)."""
        found: Any = sum(self._log_posteriors(_flat(z), _over_samples(q, z)))
        return ops.reshape(found, ops.shape(z)[:-1])

    def _log_posteriors(self, z, known):
        """[log q(z_l | x, z_>l)] in nats, (B,) each, the lowest level first: z (B, D)."""
        levels = [z[:, part] for part in self.latent_parts.values()]
        return [
            head.log_prob(levels[k], self._posterior_of(k, known, levels[k + 1 :])) for k, head in enumerate(self.heads)
        ]

    def log_q(self, x, z):
        """The same of views and z."""
        return self.log_posterior(z, self._known(x))

    def rates(self, x, z):
        """log q(z_l | x, z_>l) - log p(z_l | z_>l) of each level, (B, L) nats, at z (B, D)."""
        *_, top = self.latent_parts.values()
        log_p = [*self.below.log_probs(z), self.prior.top.log_prob(z[:, top])]
        return ops.stack([q - p for q, p in zip(self._log_posteriors(z, self._known(x)), log_p)], axis=-1)

    def export(self, to_network, to_image):
        """(encoder, decoder, reconstruction) as functional models of built-in layers, on images in [0, 1].

        The encoder maps (image, noise) to z, the reconstruction is that of the z of the noise. A condition is the last
        input of each, by that name.

        Args:
            to_network, to_image: symbolic maps between [0, 1] and what the network sees (standardisation, or nothing).
        """
        z, code = keras.Input((self.latent_dim,), name="z"), self._given()
        parts = self.latent_parts.items()
        spread = self.spread([cut(z, part, name) for name, part in parts])
        parameters = self.decoder(exported(spread, code, "z_and_condition"))
        decoder = keras.Model([z, *code] if code else z, to_image(self.likelihood.exported(parameters)), name="decoder")
        (image, noise), seen = self._inputs(), self._given()
        network_image, levels = to_network(image), []
        for (k, head), (name, part) in reversed(list(zip(enumerate(self.heads), parts))):
            features = self.encoders[k].exported(network_image, None, seen)
            features = fed(self.joins[k], [features] if self.ladder else [features, *levels])
            features, eps = (
                exported(features, seen, f"{name}_features_and_condition"),
                cut(noise, part, f"{name}_noise"),
            )
            if self.ladder and levels:
                p = self.below_heads[k].exported(fed(self.below_joins[k], levels), None)
                mean, std = exported_product(head.exported(features, None), p, f"{name}_product")
                levels.insert(0, exported_noisy(mean, std, eps, name))
            else:
                levels.insert(0, exported_draw(head, features, eps, name))
        encoder = keras.Model([image, noise, *seen], concatenated(levels, "z"), name="encoder")
        again, same = [*self._inputs()], self._given()
        code = encoder([*again, *same])
        return encoder, decoder, keras.Model([*again, *same], decoder([code, *same] if same else code), name="vae")

    def _inputs(self):
        """Fresh symbolic (image, noise)."""
        return keras.Input(self.data_shape, name="image"), keras.Input((self.latent_dim,), name="noise")

    def _given(self):
        """() or (symbolic condition,)."""
        return (keras.Input((self.condition_dim,), name="condition"),) if self.condition_dim else ()

    def layer_table(self):
        """(network, layer, type, output shape, parameters) of every layer, posterior heads included."""
        rows = []
        for name, encoder, join, head in zip(self._names, self.encoders, self.joins, self.heads):
            network = f"encoder_{name}"
            rows += layer_rows(network, encoder.network) + layer_rows(network, join)
            rows += [(network, *row) for row in head.layer_rows()]
        for join, head in zip(self.below_joins, self.below_heads):
            rows += layer_rows(join.name, join) + [(join.name, *row) for row in head.layer_rows()]
        return rows + layer_rows("decoder", self.spread) + layer_rows("decoder", self.decoder)


def _join(read: dict, own, *, network: str, width: int, activation: str, last=True):
    """Vectors of the sizes `read` joined, those in `own` by a layer each, with a layer on them -> (B, width).

    Args:
        last: False: without the layer on them.
    """
    inputs = [keras.Input((size,), name=name) for name, size in read.items()]
    seen = [_hidden(x, width, activation, f"{n}_in") if n in own else x for n, x in zip(read, inputs)]
    joint = concatenated(seen, "joined")
    out = _hidden(joint, width, activation, "joint") if last else joint
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], out, name=network)


def _hidden(x, width: int, activation: str, name: str):
    """One layer, (B, n) -> (B, width)."""
    if activation != "gated":
        return layers.Dense(width, activation, name=name)(x)
    h, g = layers.Dense(width, name=name)(x), layers.Dense(width, "sigmoid", name=f"{name}_gate")(x)
    return layers.Multiply(name=f"{name}_gated")([h, g])


def _flat(z):
    """(S, B, d) as (S * B, d); (B, d) as it is."""
    return ops.reshape(z, (-1, z.shape[-1])) if len(z.shape) == 3 else z


def _like(flat, z):
    """(S * B, n) as (S, B, n) where z has samples."""
    return ops.reshape(flat, (*ops.shape(z)[:-1], flat.shape[-1])) if len(z.shape) == 3 else flat


def _over_samples(known: LevelFeatures, z) -> LevelFeatures:
    """What is known of each image, repeated for each sample of z, (B, n) -> (S * B, n); as it is without samples."""
    if len(z.shape) == 2:
        return known
    samples = ops.shape(z)[0]

    def repeated(values):
        return _flat(ops.broadcast_to(values, (samples, *ops.shape(values)[:-1], values.shape[-1])))

    return LevelFeatures(*(tuple(map(repeated, group)) for group in known))


def _latent_dim(levels, given) -> int:
    """D, the sum of the levels; ConfigError where there is but one, or where another number was given."""
    if len(levels) < 2:
        raise ConfigError(
            f"structure.levels: expected the latents of two levels or more, as in [40, 40], got {list(levels)}. "
            "Use structure=single for one."
        )
    if given not in (None, sum(levels)):
        raise ConfigError(
            f"latent_dim follows from structure.levels={list(levels)}: it is {sum(levels)}. Got {given}; leave "
            "latent_dim out."
        )
    return sum(levels)
