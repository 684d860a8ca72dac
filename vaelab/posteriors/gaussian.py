"""q(z|x) = N(mean(x), diag(std(x)^2))."""

from typing import Literal, NamedTuple

from keras import layers, ops

from vaelab.compute.noise import Noise
from vaelab.compute.normal_ops import log_normal
from vaelab.errors import ConfigError


class GaussianParameters(NamedTuple):
    """Parameters of q(z|x), each (B, D)."""

    mean: object
    std: object
    log_std: object


class GaussianHeads(layers.Layer):
    """Heads mean and rho on the features, which make a Gaussian of every image, and its noise.

    Args:
        std: how std comes from the linear head rho. exp: std = exp(rho / 2), rho is a log-variance;
            softplus: std = log(1 + exp(rho)); linear: std = |rho|.
        log_var_range: [lowest, highest] log-variance, beyond which rho is clipped and has no gradient; None for all.
        latent_dim: D.
        seed: the run's seed, for eps.

    References:
        Kingma & Welling (2014), appendix B. Softplus and linear: Hafner's and the "simple VAE" parametrisation.
    """

    noise_dim = 0

    def __init__(self, *, std, log_var_range, latent_dim, seed, name):
        super().__init__(name=name, dtype="float32")
        self.std, self.latent_dim, self.log_var_range = std, latent_dim, log_var_range
        if log_var_range is not None:
            if std != "exp":
                raise ConfigError(
                    f"posterior.log_var_range bounds a log-variance; with posterior.std={std} rho is none."
                )
            if len(log_var_range) != 2 or not log_var_range[0] < log_var_range[1]:
                raise ConfigError(f"posterior.log_var_range: expected [lowest, highest], got {list(log_var_range)}.")
        self._prefix = "" if name == "posterior" else f"{name}_"
        rho = "log_var" if std == "exp" else "rho"
        self.mean_head = layers.Dense(latent_dim, name=f"{self._prefix}mean", dtype="float32")
        self.rho_head = layers.Dense(latent_dim, name=f"{self._prefix}{rho}", dtype="float32")
        self.noise = Noise(seed, f"{name}_noise")

    def build(self, features_shape):
        self.mean_head.build(features_shape)
        self.rho_head.build(features_shape)

    def body(self, make_encoder, data_shape):
        """The architecture's encoder as it is: noise enters behind it."""
        return make_encoder(data_shape)

    def layer_rows(self):
        """(layer, type, output shape, parameters) of each head."""
        return [(h.name, "Dense", (self.latent_dim,), h.count_params()) for h in (self.mean_head, self.rho_head)]

    def eps(self, mean, training, samples):
        """eps ~ N(0, I) for means (B, D): (B, D), or (S, B, D) where `samples` is S."""
        shape = ops.shape(mean)
        return self.noise.normal(shape if samples is None else (samples, *shape), training)

    def gaussian(self, features) -> GaussianParameters:
        """(mean, std, log std), each (B, D)."""
        mean, rho = self.mean_head(features), self.rho_head(features)
        if self.log_var_range is not None:
            rho = ops.clip(rho, *self.log_var_range)
        if self.std == "exp":
            return GaussianParameters(mean, ops.exp(0.5 * rho), 0.5 * rho)
        std = ops.softplus(rho) if self.std == "softplus" else ops.abs(rho)
        std = ops.maximum(std, 1e-6)  # log std must stay finite
        return GaussianParameters(mean, std, ops.log(std))

    def exported_gaussian(self, features):
        """(mean, std) as symbolic tensors made of built-in layers only, so that the `.h5` reloads in plain Keras."""
        mean, rho, named = self.mean_head(features), self.rho_head(features), self._prefix
        if self.log_var_range is not None:  # of built-in layers: lowest + min(highest - lowest, max(0, rho - lowest))
            low, high = self.log_var_range
            raised = layers.Rescaling(1.0, -low, name=f"{named}above_lowest")(rho)
            clipped = layers.ReLU(max_value=high - low, name=f"{named}below_highest")(raised)
            rho = layers.Rescaling(1.0, low, name=f"{named}bounded_log_var")(clipped)
        if self.std == "exp":
            half = layers.Rescaling(0.5, name=f"{named}half_log_var")(rho)
            return mean, layers.Activation("exponential", name=f"{named}std")(half)
        if self.std == "softplus":
            return mean, layers.Activation("softplus", name=f"{named}std")(rho)
        positive = layers.Activation("relu", name=f"{named}positive_rho")(rho)
        minus = layers.Rescaling(-1.0, name=f"{named}minus_rho")(rho)
        negative = layers.Activation("relu", name=f"{named}negative_rho")(minus)
        return mean, layers.Add(name=f"{named}std")([positive, negative])


class Gaussian(GaussianHeads):
    """z = mean + std * eps.

    Args:
        std, log_var_range, latent_dim, seed: see `GaussianHeads`.
    """

    option = "gaussian"
    closed_form = has_moments = True

    def __init__(
        self, *, std: Literal["exp", "softplus", "linear"], log_var_range: list[float] | None, latent_dim, seed,
        name="posterior",
    ):  # fmt: skip
        super().__init__(std=std, log_var_range=log_var_range, latent_dim=latent_dim, seed=seed, name=name)

    def call(self, features, training=False, samples=None):
        """features (B, F) -> z, q.

        Args:
            samples: None for z (B, D); S for z (S, B, D).
        """
        q = self.gaussian(features)
        return q.mean + q.std * self.eps(q.mean, training, samples), q  # z ~ q(z|x), reparameterised

    def parameters(self, features) -> GaussianParameters:
        """(mean, std, log std), each (B, D)."""
        return self.gaussian(features)

    def log_prob(self, z, q: GaussianParameters):
        """log q(z|x) in nats: z (B, D) -> (B,), z (S, B, D) -> (S, B)."""
        return ops.sum(log_normal(z, q.mean, q.std, q.log_std), axis=-1)

    def exported(self, features, noise=None):
        """(mean, std) as symbolic tensors made of built-in layers only, so that the `.h5` reloads in plain Keras."""
        return self.exported_gaussian(features)
