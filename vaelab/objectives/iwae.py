"""The importance-weighted bound."""

import math
from typing import Literal

from keras import layers, ops

from vaelab.config.types import PositiveInt
from vaelab.errors import ConfigError
from vaelab.objectives.closed_form import need_density, need_one_density


class IWAE(layers.Layer):
    """loss = -E[log 1/k sum_s w_s], log w_s = log p(x|z_s) + beta * (log p(z_s) - log q(z_s|x)), z_s ~ q(z|x).

    With beta = 1 a bound on -log p(x) that tightens with k and is the negative ELBO at k = 1. Distortion and rate are
    those of the plain ELBO (over the k samples, and in closed form): models trained so are ranked by nll, not by them.

    Args:
        k: samples per image.
        gradient: reparameterised: that of the paper, sum_s v_s grad log w_s with v_s = w_s / sum w. dreg: the same for
            decoder and prior; for the encoder sum_s v_s^2 (d log w_s / d z_s) grad z_s, of the same expectation and
            less noise, whose signal does not vanish as k grows; it decodes twice.

    References:
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders. dreg: Tucker, Lawson, Gu & Maddison
        (2019), Doubly reparameterized gradient estimators.
    """

    terms = ("distortion", "rate")
    weighs_rate = False  # beta is a power inside the weights
    ranks_models_by = "loss"

    def __init__(self, *, k: PositiveInt, gradient: Literal["reparameterised", "dreg"], structure, seed):
        super().__init__(name="objective", dtype="float32")
        need_density(structure, "iwae")
        need_one_density(structure, "iwae")
        if gradient == "dreg" and not structure.closed_form:
            raise ConfigError(
                "objective.gradient=dreg holds q(z|x) constant by its parameters, and a part of "
                f"posterior={structure.posterior_name} is weights. Use objective.gradient=reparameterised."
            )
        self.samples, self.gradient = k, gradient
        self.decode, self.log_likelihood = structure.decode, structure.log_likelihood
        self.n_views = len(structure.data_shapes)
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
        if self.gradient == "dreg" and stage.training:
            surrogate = self._doubly_reparameterised(x, outputs, ops.stop_gradient(ops.softmax(log_w, axis=0)), stage)
            bound = ops.stop_gradient(bound - surrogate) + surrogate
        return {
            "loss": -ops.mean(bound),
            "distortion": -ops.mean(log_likelihood),
            "rate": ops.mean(ops.sum(outputs.rate, axis=-1)),
        }

    def _doubly_reparameterised(self, x, outputs, weights, stage):
        """sum_s v_s log w_s, (B,), whose gradient is wanted: z hands v_s of it on, q's parameters none of their own.

        Args:
            weights: v, (k, B), constants.
        """
        held = ops.stop_gradient(outputs.z)
        z = held + weights[..., None] * (outputs.z - held)
        q = type(outputs.q)(*map(ops.stop_gradient, outputs.q))
        log_likelihood = self.log_likelihood(x, self.decode(z, *x[self.n_views :]))
        log_w = log_likelihood + stage.beta * (self.log_prior(z) - self.log_posterior(z, q))
        return ops.sum(weights * log_w, axis=0)
