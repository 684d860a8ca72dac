"""The aggregate posterior near the prior by the maximum mean discrepancy: InfoVAE and Wasserstein autoencoder."""

from typing import Literal

from keras import layers, ops

from vaelab.compute.noise import Noise
from vaelab.config.types import PositiveFloat
from vaelab.contracts import Prior, Structure, has_density, optional
from vaelab.errors import ConfigError


class MMD(layers.Layer):
    """loss = distortion + (1 - alpha) rate + (beta + alpha - 1) MMD(q(z), p(z)).

    MMD = E k(z, z') + E k(p, p') - 2 E k(z, p), without bias, from the codes z of a batch and as many draws p from the
    prior; it has no unit. With alpha = 0 and beta = 1 it is the negative ELBO, with alpha = 1 the rate is gone and any
    posterior that can be drawn from may be trained.

    Args:
        alpha: how far the rate is taken back; preference for informative codes.
        kernel: imq: sum over scales s of C / (C + |z - z'|^2), C = 2 D s; rbf: sum of exp(-|z - z'|^2 / C).
        scales: s; 1 is the distance expected of two draws from N(0, I).

    References:
        Zhao, Song & Ermon (2019), InfoVAE; Tolstikhin et al. (2018), Wasserstein auto-encoders.
    """

    samples = None
    weighs_rate = False
    ranks_models_by = "loss"

    def __init__(self, *, alpha: float, kernel: Literal["imq", "rbf"], scales: list[PositiveFloat], structure, seed):
        super().__init__(name="objective", dtype="float32")
        self._draw = optional(structure.prior, Prior, "draw")
        if self._draw is None:
            name = optional(structure.prior, Prior, "option")
            raise ConfigError(
                f"objective=mmd compares with draws from the prior while it trains, and prior={name} has no `draw`. "
                "Use prior=standard or prior=realnvp."
            )
        has_rate = has_density(structure, Structure)
        if not has_rate and alpha != 1:
            raise ConfigError(
                f"objective.alpha={alpha:g} weighs the rate, which posterior={structure.posterior_name} does not have. "
                "Use objective.alpha=1 or posterior=gaussian."
            )
        if not scales:
            raise ConfigError("objective.scales: expected at least one number, got [].")
        self.terms = ("distortion", "rate", "mmd") if has_rate else ("distortion", "mmd")
        self.alpha, self.kernel, self.scales = alpha, kernel, list(scales)
        self.prior_noise = Noise(seed, "prior_noise")

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        rate = "" if self.alpha == 1 else f"{1 - self.alpha:g} rate + "
        return f"loss = distortion + {rate}{beta + self.alpha - 1:g} MMD (which has no unit)"

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `VAE.losses`."""
        distortion = -ops.mean(log_likelihood)
        drawn = self._draw(ops.shape(outputs.z)[0], self.prior_noise, stage.training)
        found = discrepancy(outputs.z, drawn, self.kernel, self.scales)
        terms = {"loss": distortion + (stage.beta + self.alpha - 1.0) * found, "distortion": distortion, "mmd": found}
        if "rate" in self.terms:
            terms["rate"] = ops.mean(ops.sum(outputs.rate, axis=-1))
            terms["loss"] = terms["loss"] + (1.0 - self.alpha) * terms["rate"]
        return terms


def discrepancy(z, drawn, kernel: str, scales):
    """The unbiased estimate of MMD^2 between two samples, (B, D) each -> scalar; it may be negative."""

    def mean_kernel(a, b, own):
        squared = ops.sum(ops.square(a[:, None] - b[None]), axis=-1)
        total = 0.0
        for scale in scales:
            c = 2.0 * a.shape[-1] * scale
            total = total + (c / (c + squared) if kernel == "imq" else ops.exp(-squared / c))
        n, m = (ops.cast(ops.shape(v)[0], "float32") for v in (a, b))
        if own:  # a pair of a draw with itself has kernel 1 at every scale
            return (ops.sum(total) - n * len(scales)) / ops.maximum(n * (n - 1.0), 1.0)
        return ops.sum(total) / (n * m)

    return mean_kernel(z, z, True) + mean_kernel(drawn, drawn, True) - 2.0 * mean_kernel(z, drawn, False)
