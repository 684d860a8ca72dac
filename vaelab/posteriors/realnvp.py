"""q(z|x) as a flow on the encoder's Gaussian: affine couplings that read the image's features, of exact density."""

from typing import Literal, NamedTuple

from keras import layers, ops

from vaelab.compute.couplings import Couplings
from vaelab.compute.normal import LOG_2PI
from vaelab.config.types import Activation, NonNegativeInt, PositiveFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.posteriors.gaussian import GaussianHeads, GaussianParameters


class FlowParameters(NamedTuple):
    """What q(z|x) depends on x by: the Gaussian's parameters, each (B, D), and the context (B, C) or None."""

    gaussian: GaussianParameters
    context: object


class RealNVP(GaussianHeads):
    """z = mean(x) + std(x) f(eps; h(x)), eps ~ N(0, I); f is `couplings` affine couplings that read h, see `Couplings`.

    log q(z|x) = log N(eps; 0, I) - sum of all s - sum_d log std_d, with the log-scales s of the couplings and
    eps = f^-1((z - mean) / std): exact for every z. f starts as the identity, so that the first q(z|x) is the Gaussian
    N(mean, std^2); without a context (context_dim 0) its shape is the same for every image.

    Args:
        std, log_var_range: as those of posterior=gaussian.
        couplings, hidden_dims, activation, bound: see `Couplings`.
        context_dim: size of h, a linear head on the features; 0 for none.
        latent_dim: D, two or more.
        seed: the run's seed, for eps.

    References:
        Rezende & Mohamed (2015), Variational inference with normalizing flows; Kingma et al. (2016), Improving
        variational inference with inverse autoregressive flow (a flow on the encoder's Gaussian, with a context);
        Dinh, Sohl-Dickstein & Bengio (2017) for the couplings, whose inverse costs no more than they do.
    """

    option = "realnvp"
    closed_form = has_moments = False
    has_density = True

    def __init__(
        self,
        *,
        std: Literal["exp", "softplus", "linear"],
        log_var_range: list[float] | None,
        couplings: PositiveInt,
        hidden_dims: list[PositiveInt],
        activation: Activation,
        bound: PositiveFloat,
        context_dim: NonNegativeInt,
        latent_dim,
        seed,
        name="posterior",
    ):
        if latent_dim < 2:
            raise ConfigError(
                f"posterior=realnvp moves some latents by the others and needs two or more; this {name} has 1."
            )
        super().__init__(std=std, log_var_range=log_var_range, latent_dim=latent_dim, seed=seed, name=name)
        self.head_noise_dim = latent_dim
        self.context_head = (
            layers.Dense(context_dim, name=f"{self._prefix}context", dtype="float32") if context_dim else None
        )
        self.couplings = Couplings(
            couplings=couplings, hidden_dims=hidden_dims, activation=activation, bound=bound, size=latent_dim,
            scope=name, context_dim=context_dim, prefix=self._prefix,
        )  # fmt: skip

    def build(self, features_shape):
        super().build(features_shape)
        if self.context_head is not None:
            self.context_head.build(features_shape)

    def call(self, features, training=False, samples=None, eps=None):
        """features (B, F) -> z, q.

        Args:
            samples: None for z (B, D); S for z (S, B, D).
            eps: (B, D) or (S, B, D), drawn here where it is None.
        """
        q = self.parameters(features)
        mean, std, _ = q.gaussian
        if eps is None:
            eps = self.eps(mean, training, samples)
        return mean + std * self.couplings(eps, q.context), q  # z ~ q(z|x), reparameterised

    def parameters(self, features) -> FlowParameters:
        """The Gaussian's parameters and the context; they are not the moments of z."""
        context = None if self.context_head is None else self.context_head(features)
        return FlowParameters(self.gaussian(features), context)

    def log_prob(self, z, q: FlowParameters):
        """log q(z|x) in nats: z (B, D) -> (B,), z (S, B, D) -> (S, B)."""
        mean, std, log_std = q.gaussian
        eps, log_det = self.couplings.inverse((z - mean) / std, q.context, log_det=-ops.sum(log_std, axis=-1))
        return log_det - 0.5 * ops.sum(ops.square(eps) + LOG_2PI, axis=-1)

    def exported(self, features, noise):
        """z as a symbolic tensor made of built-in layers; noise (B, D)."""
        mean, std = self.exported_gaussian(features)
        context = None if self.context_head is None else self.context_head(features)
        moved = self.couplings.exported(noise, context)
        return layers.Add(name=f"{self._prefix}z")([mean, layers.Multiply(name=f"{self._prefix}spread")([std, moved])])

    def layer_rows(self):
        """(layer, type, output shape, parameters) of the heads and the couplings."""
        head = self.context_head
        context = [] if head is None else [(head.name, "Dense", (head.units,), head.count_params())]
        return super().layer_rows() + context + self.couplings.layer_rows()
