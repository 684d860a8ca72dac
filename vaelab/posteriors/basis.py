"""q(z|x) given by draws whose mean and variance are known: z = z0(x) + sum_i a_i(x) v_i(eps_i)."""

import math
import zlib
from typing import NamedTuple

from keras import initializers, layers, ops

from vaelab.compute import seeds
from vaelab.compute.noise import Noise
from vaelab.config.types import Activation, PositiveInt, TwoOrMore


class Moments(NamedTuple):
    """Mean and standard deviation of q(z|x) per latent, each (B, D)."""

    mean: object
    std: object


class Basis(layers.Layer):
    """m noise nets v_i make the shape of q(z|x), the features its place z0 and the amplitudes a_i; all (D,).

    eps_i ~ N(0, I) are independent, so that E[z|x] = z0 + sum_i a_i E[v_i] and Var[z|x] = sum_i a_i^2 Var[v_i]. The
    moments of v_i do not depend on x: they come from `moment_draws` further draws, fixed ones at evaluation.

    Args:
        noise_nets: m.
        noise_dim: size of each eps_i.
        hidden_dims: hidden layers of each v_i; its last layer has D outputs and no activation.
        latent_dim: D.
        seed: the run's seed, for eps.

    References:
        Mescheder, Nowozin & Geiger (2017), Adversarial Variational Bayes, section 3.3 and appendix: the posterior of
        adaptive contrast.
    """

    option = "basis"
    closed_form = False
    has_moments = True
    noise_dim = 0

    def __init__(
        self,
        *,
        noise_nets: PositiveInt,
        noise_dim: PositiveInt,
        hidden_dims: list[PositiveInt],
        activation: Activation,
        moment_draws: TwoOrMore,
        latent_dim,
        seed,
        name="posterior",
    ):
        super().__init__(name=name, dtype="float32")
        self.noise_nets, self.each_dim, self.latent_dim = noise_nets, noise_dim, latent_dim
        self.moment_draws, self.head_noise_dim = moment_draws, noise_nets * noise_dim
        self._prefix = prefix = "" if name == "posterior" else f"{name}_"
        self.z0_head = layers.Dense(latent_dim, name=f"{prefix}z0", dtype="float32")
        self.amplitude_head = layers.Dense(noise_nets * latent_dim, name=f"{prefix}amplitude", dtype="float32")
        self.nets = [
            _grouped(noise_nets, size_in, size_out, act, f"{prefix}noise_net_{n}")
            for n, (size_in, size_out, act) in enumerate(
                zip(
                    [noise_dim, *hidden_dims],
                    [*hidden_dims, latent_dim],
                    [activation] * len(hidden_dims) + ["linear"],
                ),
                start=1,
            )
        ]
        self.noise, self.moment_noise = Noise(seed, f"{name}_noise"), Noise(seed, f"{name}_moment_noise")
        fixed = seeds.generator(seed, "eval_noise", zlib.crc32(f"{name}_moments".encode()))
        self._fixed_draws = fixed.standard_normal((moment_draws, noise_nets, noise_dim)).astype("float32")

    def build(self, features_shape):
        self.z0_head.build(features_shape)
        self.amplitude_head.build(features_shape)
        size = self.each_dim
        for net in self.nets:
            net.build((None, self.noise_nets, size))
            size = net.output_width

    def body(self, make_encoder, data_shape):
        """The architecture's encoder as it is: noise enters behind it."""
        return make_encoder(data_shape)

    def call(self, features, training=False, samples=None, eps=None):
        """features (B, F) -> z (B, D), its `Moments`.

        Args:
            eps: (B, m * noise_dim), drawn here where it is None.
        """
        if samples is not None:
            raise ValueError("posterior=basis draws one z for each image of a batch.")
        features = ops.cast(features, "float32")
        if eps is None:
            eps = self.noise.normal((ops.shape(features)[0], self.head_noise_dim), training)
        z0, amplitude = self._heads(features)
        v = self._v(ops.reshape(eps, (-1, self.noise_nets, self.each_dim)))
        z = z0 + ops.sum(amplitude * v, axis=1)  # z ~ q(z|x)
        return z, self._moments(z0, amplitude, training)

    def parameters(self, features) -> Moments:
        """(mean, std) of q(z|x), each (B, D), from the fixed draws."""
        return self._moments(*self._heads(features), training=False)

    def _heads(self, features):
        """z0 (B, D), amplitudes (B, m, D)."""
        amplitude = ops.reshape(self.amplitude_head(features), (-1, self.noise_nets, self.latent_dim))
        return self.z0_head(features), amplitude

    def _v(self, eps):
        """eps (B, m, noise_dim) -> v (B, m, D)."""
        for net in self.nets:
            eps = net(eps)
        return eps

    def _moments(self, z0, amplitude, training):
        shape = (self.moment_draws, self.noise_nets, self.each_dim)
        v = self._v(self.moment_noise.normal(shape, training) if training else ops.convert_to_tensor(self._fixed_draws))
        mean = z0 + ops.sum(amplitude * ops.mean(v, axis=0), axis=1)
        variance = ops.sum(ops.square(amplitude) * ops.var(v, axis=0), axis=1)
        return Moments(mean, ops.sqrt(variance + 1e-12))

    def exported(self, features, noise):
        """z as a symbolic tensor made of built-in layers; noise (B, m * noise_dim)."""
        shape, named = (self.noise_nets, self.latent_dim), self._prefix
        v = self._v(layers.Reshape((self.noise_nets, self.each_dim), name=f"{named}noises")(noise))
        amplitude = layers.Reshape(shape, name=f"{named}amplitudes")(self.amplitude_head(features))
        product = layers.Multiply(name=f"{named}scaled")([amplitude, v])
        mean = layers.GlobalAveragePooling1D(name=f"{named}mean_of_nets")(product)
        total = layers.Rescaling(float(self.noise_nets), name=f"{named}sum_of_nets")(mean)
        return layers.Add(name=f"{named}z")([self.z0_head(features), total])

    def layer_rows(self):
        """(layer, type, output shape, parameters) of the heads and the noise nets."""
        rows = [(h.name, "Dense", (h.units,), h.count_params()) for h in (self.z0_head, self.amplitude_head)]
        return rows + [(n.name, "EinsumDense", (self.noise_nets, n.output_width), n.count_params()) for n in self.nets]


def _grouped(groups, size_in, size_out, activation, name):
    """m dense layers side by side, (B, m, size_in) -> (B, m, size_out), each initialised as one of its own."""
    limit = math.sqrt(6.0 / (size_in + size_out))
    layer = layers.EinsumDense(
        "bmi,mio->bmo", output_shape=(groups, size_out), bias_axes="mo", activation=activation,
        kernel_initializer=initializers.RandomUniform(-limit, limit),  # pyright: ignore[reportArgumentType]  not text
        dtype="float32", name=name,
    )  # fmt: skip
    layer.output_width = size_out
    return layer
