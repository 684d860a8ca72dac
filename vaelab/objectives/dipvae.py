"""The ELBO with the covariance of the codes held at the prior's."""

from typing import Literal

from keras import layers, ops

from vaelab.config.types import NonNegativeFloat
from vaelab.contracts import Prior, optional
from vaelab.errors import ConfigError
from vaelab.objectives.closed_form import need_closed_form


class DIPVAE(layers.Layer):
    """loss = distortion + beta rate + off_diagonal sum_{i != j} S_ij^2 + diagonal sum_i (S_ii - 1)^2.

    S, over the batch: of kind i the covariance of the posterior means, of kind ii that of the codes,
    Cov(mean) + diag(E std^2). The two sums are reported as one term, `dip`, with their weights.

    References:
        Kumar, Sattigeri & Balakrishnan (2018), Variational inference of disentangled latent concepts.
    """

    terms = ("distortion", "rate", "dip")
    samples = None
    weighs_rate = True  # beta is the whole rate's weight
    ranks_models_by = "loss"

    def __init__(
        self, *, kind: Literal["i", "ii"], off_diagonal: NonNegativeFloat, diagonal: NonNegativeFloat, structure, seed
    ):
        super().__init__(name="objective", dtype="float32")
        need_closed_form(structure, "objective=dipvae")
        name = optional(structure.prior, Prior, "option")
        if name != "standard":
            raise ConfigError(f"objective=dipvae holds covariances at 1, that of N(0, I); this is prior={name}.")
        self.kind, self.off_diagonal, self.diagonal = kind, off_diagonal, diagonal

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        of = "means" if self.kind == "i" else "codes"
        return (
            f"loss = distortion + {beta:g} rate + {self.off_diagonal:g} sum of squared covariances of the {of} "
            f"+ {self.diagonal:g} sum of (variance - 1)^2"
        )

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `VAE.losses`."""
        distortion, rate = -ops.mean(log_likelihood), ops.mean(ops.sum(outputs.rate, axis=-1))
        q = outputs.q
        centred = q.mean - ops.mean(q.mean, axis=0)
        covariance = ops.matmul(ops.transpose(centred), centred) / ops.cast(ops.shape(centred)[0], "float32")
        variances = ops.diagonal(covariance)
        off = ops.sum(ops.square(covariance)) - ops.sum(ops.square(variances))
        if self.kind == "ii":
            variances = variances + ops.mean(ops.square(q.std), axis=0)
        dip = self.off_diagonal * off + self.diagonal * ops.sum(ops.square(variances - 1.0))
        return {"loss": distortion + stage.beta * rate + dip, "distortion": distortion, "rate": rate, "dip": dip}
