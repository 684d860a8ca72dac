"""The importance-weighted bound."""

import math

from keras import layers, ops

from vaelab.config.types import PositiveInt
from vaelab.objectives.closed_form import need_closed_form, need_one_density


class IWAE(layers.Layer):
    """loss = -E[log 1/k sum_s w_s], log w_s = log p(x|z_s) + beta * (log p(z_s) - log q(z_s|x)), z_s ~ q(z|x).

    With beta = 1 a bound on -log p(x) that tightens with k and is the negative ELBO at k = 1. Its gradient is that of
    the paper, sum_s w_s / (sum w) grad log w_s through the reparameterised samples. Distortion and rate are those of
    the plain ELBO (over the k samples, and in closed form): models trained so are ranked by nll, not by them.

    Args:
        k: samples per image.

    References:
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders.
    """

    terms = ("distortion", "rate")
    weighs_rate = False  # beta is a power inside the weights
    ranks_models_by = "loss"

    def __init__(self, *, k: PositiveInt, structure, seed):
        super().__init__(name="objective", dtype="float32")
        need_closed_form(structure, "iwae")
        need_one_density(structure, "iwae")
        self.samples = k
        self.log_posterior, self.log_prior = structure.log_posterior, structure.prior.log_prob

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        power = "" if beta == 1 else f"^{beta:g}"
        return f"loss = -log of the mean of {self.samples} weights p(x|z) (p(z) / q(z|x)){power}"

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; log_likelihood (k, B), other arguments as in `VAE.losses`."""
        log_prior = self.log_prior(outputs.z)
        log_w = log_likelihood + stage.beta * (log_prior - self.log_posterior(outputs.z, outputs.q))  # (k, B)
        bound = ops.logsumexp(log_w, axis=0) - math.log(self.samples)
        return {
            "loss": -ops.mean(bound),
            "distortion": -ops.mean(log_likelihood),
            "rate": ops.mean(ops.sum(outputs.rate, axis=-1)),
        }
