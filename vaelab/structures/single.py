"""One view, one latent vector: x -> features -> z -> x."""

import keras
from keras import layers

from vaelab.contracts import Posterior, optional
from vaelab.errors import ConfigError
from vaelab.structures.conditioning import exported, joined
from vaelab.structures.decoding import decode_samples
from vaelab.structures.networks import cut, cuts, layer_rows
from vaelab.structures.outputs import Outputs
from vaelab.structures.rates import rate_of
from vaelab.structures.view_encoder import ViewEncoder


class Single(layers.Layer):
    """Encoder, posterior, prior, decoder and likelihood of one view.

    A condition c joins the features before the posterior's heads, q(z|x, c), and z before the decoder, p(x|z, c).

    Args:
        architecture: has `encoder(data_shape, noise_dim)` and `decoder(data_shape, latent_dim, likelihood_channels)`.
        make_posterior: function (latent_dim, name) -> posterior layer.
        make_prior: function (latent_dim) -> prior.
        make_likelihood: function () -> likelihood layer.
        data_shapes: one (H, W, C).
        latent_dim: D.
        condition_dim: K, 0 for no condition.
        condition_planes: whether images also get a constant channel for each of its columns.
    """

    def __init__(
        self, *, architecture, make_posterior, make_prior, make_likelihood, data_shapes, latent_dim, condition_dim=0,
        condition_planes=False,
    ):  # fmt: skip
        super().__init__(name="structure", dtype="float32")
        if len(data_shapes) != 1:
            raise ConfigError(
                f"structure=single takes one view, this dataset has {len(data_shapes)}. Use structure=conjoint."
            )
        if latent_dim is None:
            raise ConfigError("structure=single needs latent_dim, for instance latent_dim=2.")
        (self.data_shape,) = self.data_shapes = tuple(map(tuple, data_shapes))
        self.latent_dim, self.condition_dim = latent_dim, condition_dim
        self.prior = make_prior(latent_dim)
        self.likelihood = make_likelihood()
        self.posterior = make_posterior(latent_dim, "posterior")
        self.encoder = ViewEncoder(
            architecture, self.data_shape, self.posterior, network="encoder", noise="encoder_noise",
            planes=condition_dim if condition_planes else 0,
        )  # fmt: skip
        self.posterior.build((None, self.encoder.features_dim + condition_dim))
        channels = self.likelihood.channels(self.data_shape[-1])
        self.decoder = architecture.decoder(self.data_shape, latent_dim + condition_dim, channels)
        self.built = True

    @property
    def posterior_name(self):
        """The option of the group posterior."""
        return optional(self.posterior, Posterior, "option")

    @property
    def closed_form(self):
        """Whether q(z|x) is a diagonal Gaussian with a density that is known."""
        return self.posterior.closed_form

    @property
    def has_moments(self):
        """Whether mean and standard deviation of q(z|x) are known (`infer`)."""
        return self.posterior.has_moments

    @property
    def has_density(self):
        """Whether q(z|x), no diagonal Gaussian, has an exact density all the same."""
        return optional(self.posterior, Posterior, "has_density")

    @property
    def eps_dim(self):
        """Size of the noise that `draw` takes."""
        return sum(self._noise_sizes)

    @property
    def many_conditions(self):
        """Whether `call` takes several conditions (S, B, K) of the same images: where the encoder does not see them."""
        return not self.encoder.planes

    @property
    def _noise_sizes(self):
        return [self.encoder.noise_dim, optional(self.posterior, Posterior, "head_noise_dim")]

    @property
    def likelihoods(self):
        """One likelihood per view."""
        return (self.likelihood,)

    @property
    def latent_parts(self):
        """Named slices of the latent vector."""
        return {"z": slice(0, self.latent_dim)}

    @property
    def view_parts(self):
        """For each view the names of the parts its decoder reads."""
        return (("z",),)

    def call(self, x, training=False, samples=None, rows=None):
        """x: tuple of one view (B, H, W, C) [and the condition (B, K), here and below] -> Outputs."""
        z, q = self.posterior(self._features(x, training=training), training=training, samples=samples)
        return Outputs(z, q, self.decode(z, *x[1:], training=training), rate_of(self, z, q, rows))

    def _features(self, x, **more):
        """What the posterior's heads read, (B, F + K)."""
        return joined(self.encoder(*x, **more), *x[1:])

    def infer(self, x):
        """(mean, std) of q(z|x), each (B, D), where it `has_moments`."""
        q = self.posterior.parameters(self._features(x))
        return q.mean, q.std

    def draw(self, x, eps):
        """z ~ q(z|x), (B, D), made from eps ~ N(0, I) of shape (B, eps_dim); (S, B, .) where it `has_density`."""
        body, head = cuts(self._noise_sizes)
        return self.posterior(self._features(x, eps=eps[..., body]), eps=eps[..., head])[0]

    def decode(self, z, *given, training=False):
        """z (B, D) or (S, B, D) [, condition (B, K)] -> tuple of likelihood parameters."""
        return (decode_samples(lambda codes: self.decoder(codes, training=training), joined(z, *given)),)

    def log_likelihood(self, x, decoded):
        """log p(x|z) in nats, views summed: (B,) or (S, B)."""
        return sum(p.log_prob(view, params) for p, view, params in zip(self.likelihoods, x, decoded))

    def log_posterior(self, z, q):
        """log q(z|x) in nats: (B,) or (S, B)."""
        return self.posterior.log_prob(z, q)

    def log_q(self, x, z):
        """The same of views and z."""
        return self.log_posterior(z, self.posterior.parameters(self._features(x)))

    def export(self, to_network, to_image):
        """(encoder, decoder, reconstruction) as functional models of built-in layers, on images in [0, 1].

        The encoder maps an image to (mean, std), or (image, noise) to z where q(z|x) has no closed form; the
        reconstruction is that of the mean, or of the z of the noise. A condition is the last input of each, by that
        name.

        Args:
            to_network, to_image: symbolic maps between [0, 1] and what the network sees (standardisation, or nothing).
        """
        z, code = keras.Input((self.latent_dim,), name="z"), self._given()
        parameters = self.decoder(exported(z, code, "z_and_condition"))
        decoder = keras.Model(_entries(z, *code), to_image(self.likelihood.exported(parameters)), name="decoder")
        image, again = (keras.Input(self.data_shape, name="image") for _ in range(2))
        seen, same = self._given(), self._given()
        if self.closed_form:
            features = exported(self.encoder.exported(to_network(image), None, seen), seen, "features_and_condition")
            encoder = keras.Model(_entries(image, *seen), self.posterior.exported(features), name="encoder")
            mean = encoder(_entries(again, *same))[0]
            return encoder, decoder, keras.Model(_entries(again, *same), decoder(_entries(mean, *same)), name="vae")
        noise, noise_again = (keras.Input((self.eps_dim,), name="noise") for _ in range(2))
        body, head = cuts(self._noise_sizes)
        features = self.encoder.exported(to_network(image), cut(noise, body, "body_noise"), seen)
        features = exported(features, seen, "features_and_condition")
        drawn = self.posterior.exported(features, cut(noise, head, "head_noise"))
        encoder = keras.Model([image, noise, *seen], drawn, name="encoder")
        inputs = [again, noise_again, *same]
        return encoder, decoder, keras.Model(inputs, decoder(_entries(encoder(inputs), *same)), name="vae")

    def _given(self):
        """() or (symbolic condition,)."""
        return (keras.Input((self.condition_dim,), name="condition"),) if self.condition_dim else ()

    def layer_table(self):
        """(network, layer, type, output shape, parameters) of every layer, posterior heads included."""
        rows = layer_rows("encoder", self.encoder.network)
        rows += [("encoder", *row) for row in self.posterior.layer_rows()]
        return rows + layer_rows("decoder", self.decoder)


def _entries(first, *more):
    """One symbolic input by itself, several as a list."""
    return [first, *more] if more else first
