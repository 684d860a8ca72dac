"""The beta-weighted ELBO."""

from keras import layers, ops

from vaelab.config.types import NonNegativeFloat
from vaelab.contracts import Structure, optional
from vaelab.objectives.closed_form import need_closed_form_rate, need_density


class VAE(layers.Layer):
    """loss = distortion + beta * rate, in nats per image.

    distortion = -E_q[log p(x|z)] with one sample, rate = KL(q(z|x) || p(z)), in closed form or
    at that sample. beta = 1 is the negative
    ELBO; other values make it a beta-VAE. With free bits the loss holds sum_d max(free_bits, rate_d), rate_d the mean
    over the batch: a latent below that many nats is not pushed further down. The reported rate is the whole one; of
    latents in several levels that of each is told beside it.

    Args:
        free_bits: nats per latent; 0 for none.

    References:
        Kingma & Welling (2014); Rezende et al. (2014); Higgins et al. (2017). Free bits: Kingma et al. (2016).
    """

    samples = None
    terms = ("distortion", "rate")
    weighs_rate = True  # beta is the whole rate's weight
    ranks_models_by = "loss"

    def __init__(self, *, free_bits: NonNegativeFloat, structure, seed):
        super().__init__(name="objective", dtype="float32")
        need_density(structure, "vae")
        if free_bits:
            need_closed_form_rate(structure, "objective.free_bits")
        self.free_bits = free_bits
        self.rate_parts = optional(structure, Structure, "rate_parts")
        self.terms = (*self.terms, *(f"rate_{name}" for name in self.rate_parts))

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        if self.free_bits:
            return f"loss = distortion + {beta:g} sum over latents of max({self.free_bits:g}, rate)"
        return f"loss = distortion + {beta:g} rate"

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch.

        Args:
            x: tuple of views as the network sees them, (B, H, W, C) each.
            outputs: the structure's `Outputs`.
            log_likelihood: log p(x|z) of this batch, (B,).
            stage: beta of this step, among others.
        """
        distortion = -ops.mean(log_likelihood)
        rate = paid = ops.mean(ops.sum(outputs.rate, axis=-1))
        if self.free_bits:
            paid = ops.sum(ops.maximum(ops.mean(outputs.rate, axis=0), self.free_bits))
        terms = {"loss": distortion + stage.beta * paid, "distortion": distortion, "rate": rate}
        for name, part in self.rate_parts.items():
            terms[f"rate_{name}"] = ops.mean(ops.sum(outputs.rate[..., part], axis=-1))
        return terms
