"""p(z) as a flow of affine couplings (RealNVP): N(0, I) through maps with exact inverse and exact density."""

import keras
import numpy as np
from keras import layers, ops

from vaelab.compute.normal import LOG_2PI
from vaelab.config.types import Activation, PositiveFloat, PositiveInt
from vaelab.errors import ConfigError


class RealNVP(layers.Layer):
    """z = c + exp(b) * f_L(... f_1(eps)), eps ~ N(0, I); b, c and the couplings are learned.

    A coupling leaves every other latent, a, as it is and moves the rest by nets of them:
    z_b = eps_b exp(s(a)) + t(a), s = bound tanh(.). So log p(z) = log N(eps; 0, I) - sum of all s - sum_d b_d, with
    eps by the inverse maps. The last layers start at 0: the first p(z) is N(0, I).

    Args:
        couplings: L; latents take turns, so that two move each once.
        hidden_dims: of the net of each coupling.
        bound: largest |s|.
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
        self.latent_dim, self.bound = latent_dim, bound
        self.shift = self.add_weight(shape=(latent_dim,), initializer="zeros", name="shift")
        self.log_scale = self.add_weight(shape=(latent_dim,), initializer="zeros", name="log_scale")
        # which latents a coupling reads: 1 for those it leaves
        self._masks = [(np.arange(latent_dim) % 2 == k % 2).astype("float32") for k in range(couplings)]
        self.bodies, self.scales, self.shifts = [], [], []
        for k in range(1, couplings + 1):
            body = [layers.Dense(n, activation, name=f"coupling_{k}_{i}") for i, n in enumerate(hidden_dims, 1)]
            heads = [layers.Dense(latent_dim, kernel_initializer="zeros", name=f"coupling_{k}_{h}") for h in "st"]
            sizes = [latent_dim, *hidden_dims]
            with keras.name_scope("prior"):  # checkpoints keep weights by their path
                for layer, size in zip([*body, *heads], [*sizes, sizes[-1]]):
                    layer.build((None, size))
            self.bodies.append(body)
            self.scales.append(heads[0])
            self.shifts.append(heads[1])
        self.built = True

    def _coupling(self, k, z):
        """(s, t) of a coupling, 0 where a latent stays: (..., D) each."""
        mask = ops.convert_to_tensor(self._masks[k])
        h = z * mask
        for layer in self.bodies[k]:
            h = layer(h)
        return self.bound * ops.tanh(self.scales[k](h)) * (1.0 - mask), self.shifts[k](h) * (1.0 - mask)

    def to_noise(self, z):
        """(eps, log |d eps / d z|): (..., D) -> (..., D), (...)."""
        shift, log_scale = (ops.convert_to_tensor(v) for v in (self.shift, self.log_scale))
        z, log_det = (z - shift) * ops.exp(-log_scale), -ops.sum(log_scale)
        for k in reversed(range(len(self.bodies))):
            s, t = self._coupling(k, z)
            z, log_det = (z - t) * ops.exp(-s), log_det - ops.sum(s, axis=-1)
        return z, log_det

    def from_noise(self, eps):
        """z, (..., D)."""
        for k in range(len(self.bodies)):
            s, t = self._coupling(k, eps)
            eps = eps * ops.exp(s) + t
        return ops.convert_to_tensor(self.shift) + ops.exp(ops.convert_to_tensor(self.log_scale)) * eps

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
        """noise N(0, I) (B, D) -> z, a functional model of built-in layers: the masks are zeros of its kernels."""
        noise = keras.Input((self.latent_dim,), name="noise")
        z, weights = noise, {}
        for k, (body, mask) in enumerate(zip(self.bodies, self._masks), 1):
            h, heads = z, []
            for n, layer in enumerate(body):
                kernel, bias = layer.get_weights()
                weights[layer.name] = [kernel * mask[:, None] if n == 0 else kernel, bias]
                h = layers.Dense(layer.units, layer.activation, name=layer.name)(h)
            for layer, activation in ((self.scales[k - 1], "tanh"), (self.shifts[k - 1], None)):
                kernel, bias = layer.get_weights()
                kernel = kernel if body else kernel * mask[:, None]
                weights[layer.name] = [kernel * (1.0 - mask), bias * (1.0 - mask)]
                heads.append(layers.Dense(self.latent_dim, activation, name=layer.name)(h))
            s = layers.Rescaling(self.bound, name=f"coupling_{k}_bound")(heads[0])
            factor = layers.Activation("exponential", name=f"coupling_{k}_factor")(s)
            z = layers.Add(name=f"coupling_{k}")([layers.Multiply(name=f"coupling_{k}_scaled")([z, factor]), heads[1]])
        scale, shift = (ops.convert_to_numpy(v.value) for v in (self.log_scale, self.shift))
        weights["affine"] = [np.diag(np.exp(scale)), shift]
        model = keras.Model(noise, layers.Dense(self.latent_dim, name="affine")(z), name="prior")
        for name, values in weights.items():
            model.get_layer(name).set_weights(values)
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
