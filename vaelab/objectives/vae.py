"""The beta-weighted ELBO."""

from keras import layers, ops

from vaelab.config.types import NonNegativeFloat, NonNegativeInt
from vaelab.contracts import Structure, optional
from vaelab.errors import ConfigError
from vaelab.objectives.closed_form import need_closed_form_rate, need_density


class VAE(layers.Layer):
    """loss = distortion + beta * rate, in nats per image.

    distortion = -E_q[log p(x|z)] with one sample, rate = KL(q(z|x) || p(z)), in closed form or
    at that sample. beta = 1 is the negative
    ELBO; other values make it a beta-VAE. With free bits the loss holds sum_d max(free_bits, rate_d), rate_d the mean
    over the batch: a latent below that many nats is not pushed further down. The reported rate is the whole one; of
    latents in several levels that of each is told beside it, and each may have free bits and a warm-up of its own.

    Args:
        free_bits: nats per latent; 0 for none. Of several levels one number for each, z_1's first, or one for all.
        level_warmup: of several levels, z_1's first: epochs over which the rate of each comes to its weight, 1 / n of
            it in the first of n; 0: at once. None: all at once.

    References:
        Kingma & Welling (2014); Rezende et al. (2014); Higgins et al. (2017). Free bits: Kingma et al. (2016). Warm-up:
        Sonderby et al. (2016), Ladder variational autoencoders.
    """

    samples = None
    terms = ("distortion", "rate")
    weighs_rate = True  # beta is the whole rate's weight
    ranks_models_by = "loss"

    def __init__(
        self, *, free_bits: NonNegativeFloat | list[NonNegativeFloat], level_warmup: list[NonNegativeInt] | None,
        structure, seed,
    ):  # fmt: skip
        super().__init__(name="objective", dtype="float32")
        need_density(structure, "vae")
        self.rate_parts = optional(structure, Structure, "rate_parts")
        self.free_bits = _of_levels("objective.free_bits", free_bits, structure)
        self.level_warmup = (
            None if level_warmup is None else _of_levels("objective.level_warmup", level_warmup, structure)
        )
        if any(self.free_bits):
            _need_rates(structure, self.rate_parts)
        self.terms = (*self.terms, *(f"rate_{name}" for name in self.rate_parts))

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        words = f"loss = distortion + {beta:g} rate"
        if any(self.free_bits):
            least = ", ".join(f"{bits:g}" for bits in dict.fromkeys(self.free_bits))
            words = f"loss = distortion + {beta:g} sum over latents of max({least}, rate)"
        if self.level_warmup:
            words += f", the rates of the levels warmed up over {', '.join(map(str, self.level_warmup))} epochs"
        return words

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
        if any(self.free_bits) or self.level_warmup:
            paid = self._paid(ops.mean(outputs.rate, axis=0), stage)
        terms = {"loss": distortion + stage.beta * paid, "distortion": distortion, "rate": rate}
        for name, part in self.rate_parts.items():
            terms[f"rate_{name}"] = ops.mean(ops.sum(outputs.rate[..., part], axis=-1))
        return terms

    def _paid(self, rates, stage):
        """What the loss holds of the rates, means over the batch as `Outputs.rate` has them."""
        if any(self.free_bits):
            bits = [
                b for b, part in zip(self.free_bits, self.rate_parts.values()) for _ in range(part.start, part.stop)
            ]
            rates = ops.maximum(rates, ops.convert_to_tensor(bits or self.free_bits, rates.dtype))
        if self.level_warmup and stage.epoch is not None:
            weighed = [
                ops.minimum(stage.epoch / epochs, 1.0) * ops.sum(rates[part]) if epochs else ops.sum(rates[part])
                for epochs, part in zip(self.level_warmup, self.rate_parts.values())
            ]
            return sum(weighed)
        return ops.sum(rates)


def _of_levels(setting: str, given, structure) -> list:
    """One number for each level of latents; ConfigError where there are more or fewer."""
    levels = optional(structure, Structure, "levels")
    if not isinstance(given, list | tuple):
        return [given] * levels
    if levels == 1:
        raise ConfigError(f"{setting}={list(given)} is for latents in several levels: use structure=two_level.")
    if len(given) != levels:
        raise ConfigError(f"{setting}: expected one number for each of {levels} levels, got {list(given)}.")
    return list(given)


def _need_rates(structure, parts: dict) -> None:
    """ConfigError where the rate of each latent is not known in closed form."""
    if not parts:
        return need_closed_form_rate(structure, "objective.free_bits")
    for (name, told), latents in zip(parts.items(), structure.latent_parts.values()):
        if told.stop - told.start < latents.stop - latents.start:
            raise ConfigError(
                f"objective.free_bits needs the rate of each latent in closed form, and that of {name} has none. Use "
                "posterior=gaussian prior=standard."
            )
