"""p(z) as a flow of affine couplings (RealNVP): N(0, I) through maps with exact inverse and exact density."""

import keras
import numpy as np
from keras import layers, ops

from vaelab.compute.couplings import Couplings
from vaelab.compute.normal import LOG_2PI
from vaelab.config.types import Activation, PositiveFloat, PositiveInt
from vaelab.errors import ConfigError


class RealNVP(layers.Layer):
    """z = c + exp(b) * f_L(... f_1(eps)), eps ~ N(0, I); b, c and the couplings are learned.

    log p(z) = log N(eps; 0, I) - sum of all s - sum_d b_d, with the log-scales s of the couplings (`Couplings`) and eps
    by the inverse maps. The first p(z) is N(0, I).

    Args:
        couplings, hidden_dims, activation, bound: see `Couplings`.
        latent_dim: D, two or more.

    References:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using real NVP.
    """

    option, words = "realnvp", "a flow from N(0, I)"

    def __init__(
        self, *, couplings: PositiveInt, hidden_dims: list[PositiveInt], activation: Activation, bound: PositiveFloat,
        latent_dim,
    ):  # fmt: skip
        super().__init__(name="prior", dtype="float32")
        if latent_dim < 2:
            raise ConfigError("prior=realnvp moves some latents by the others and needs two or more; this model has 1.")
        self.latent_dim = latent_dim
        self.shift = self.add_weight(shape=(latent_dim,), initializer="zeros", name="shift")
        self.log_scale = self.add_weight(shape=(latent_dim,), initializer="zeros", name="log_scale")
        self.couplings = Couplings(
            couplings=couplings, hidden_dims=hidden_dims, activation=activation, bound=bound, size=latent_dim,
            scope="prior",
        )  # fmt: skip
        self.built = True

    def to_noise(self, z):
        """(eps, log |d eps / d z|): (..., D) -> (..., D), (...)."""
        shift, log_scale = (ops.convert_to_tensor(v) for v in (self.shift, self.log_scale))
        return self.couplings.inverse((z - shift) * ops.exp(-log_scale), log_det=-ops.sum(log_scale))

    def from_noise(self, eps):
        """z, (..., D)."""
        scale = ops.exp(ops.convert_to_tensor(self.log_scale))
        return ops.convert_to_tensor(self.shift) + scale * self.couplings(eps)

    def log_prob(self, z):
        """log p(z): tensor (..., D) -> (...)."""
        eps, log_det = self.to_noise(z)
        return log_det - 0.5 * ops.sum(ops.square(eps) + LOG_2PI, axis=-1)

    def draw(self, n, noise, training):
        """n draws as a tensor (n, D)."""
        return self.from_noise(noise.normal((n, self.latent_dim), training))

    def sample(self, n, rng):
        """n draws as an array (n, D)."""
        return self.frozen().sample(n, rng)

    def start_at(self, codes, rng):
        """Mean and standard deviation of the codes for those of the flow."""
        self.shift.assign(codes.mean(axis=0))
        self.log_scale.assign(np.log(np.maximum(codes.std(axis=0), 1e-6)))

    def frozen(self, arrays=None):
        """Draws with the weights of now, or with those of a run's prior.npz, which are put into the layer."""
        held = {v.path.removeprefix("prior/"): v for v in self.variables}
        for name, value in (arrays or {}).items():
            held[name].assign(value)
        return FrozenFlow(self, {name: ops.convert_to_numpy(v.value) for name, v in held.items()})

    def exported(self):
        """noise N(0, I) (B, D) -> z, a functional model of built-in layers."""
        noise = keras.Input((self.latent_dim,), name="noise")
        affine = layers.Dense(self.latent_dim, name="affine")
        model = keras.Model(noise, affine(self.couplings.exported(noise)), name="prior")
        scale, shift = (ops.convert_to_numpy(v.value) for v in (self.log_scale, self.shift))
        affine.set_weights([np.diag(np.exp(scale)), shift])
        return model


class FrozenFlow:
    """The flow's draws in numpy.

    Args:
        flow: a `RealNVP`.
        arrays: {name: weights}, what prior.npz holds.
    """

    def __init__(self, flow, arrays):
        self._flow, self.arrays = flow, arrays

    def sample(self, n, rng):
        """n draws (n, D)."""
        eps = rng.standard_normal((n, self._flow.latent_dim)).astype("float32")
        return ops.convert_to_numpy(self._flow.from_noise(ops.convert_to_tensor(eps)))
