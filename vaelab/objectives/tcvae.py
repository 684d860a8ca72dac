"""The rate taken apart: mutual information, total correlation, and what each latent differs from the prior by."""

from keras import layers, ops

from vaelab.compute.normal_ops import log_normal
from vaelab.config.types import NonNegativeFloat
from vaelab.objectives.closed_form import need_closed_form, need_factorised_prior


class TCVAE(layers.Layer):
    """loss = distortion + alpha * mutual information + beta * total correlation + gamma * dimension-wise rate.

    E_x[rate] = I(x; z) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d)), in nats per image. With M images
    in the batch, log q(z_i) is estimated as logsumexp_j log q(z_i|x_j) - log M, and each log q(z_i,d) likewise. That is
    minibatch weighted sampling without its constant, the log of the number N of training images: it moves no weight,
    and with it a code that says nothing would be reported with a mutual information of log N. What is reported as
    mutual information is therefore at most log M. The loss is written distortion + rate + (alpha - 1) MI + (beta - 1)
    TC + (gamma - 1) DW with the closed-form rate: equal in expectation, with less noise, and exactly the ELBO where all
    weights are 1.

    Args:
        alpha: weight of the mutual information.
        gamma: weight of the dimension-wise rate. The total correlation's is the top level's beta.

    References:
        Chen, Li, Grosse & Duvenaud (2018), Isolating sources of disentanglement in VAEs.
    """

    terms = ("distortion", "rate", "mutual_information", "total_correlation", "dimension_wise_rate")
    samples = None
    weighs_rate = False  # beta weighs a part of it
    ranks_models_by = "loss"

    def __init__(self, *, alpha: NonNegativeFloat, gamma: NonNegativeFloat, structure, seed):
        super().__init__(name="objective", dtype="float32")
        need_closed_form(structure, "objective=tcvae")
        need_factorised_prior(structure, "tcvae")
        self.log_prior = structure.prior.log_prob
        self.alpha, self.gamma = alpha, gamma

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        return (
            f"loss = distortion + {self.alpha:g} mutual information + {beta:g} total correlation "
            f"+ {self.gamma:g} dimension-wise rate"
        )

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `VAE.losses`."""
        distortion = -ops.mean(log_likelihood)
        rate = ops.mean(ops.sum(outputs.rate, axis=-1))
        mutual, correlation, dimension_wise = parts(outputs.z, outputs.q, self.log_prior)
        return {
            "loss": distortion
            + rate
            + (self.alpha - 1.0) * mutual
            + (stage.beta - 1.0) * correlation
            + (self.gamma - 1.0) * dimension_wise,
            "distortion": distortion,
            "rate": rate,
            "mutual_information": mutual,
            "total_correlation": correlation,
            "dimension_wise_rate": dimension_wise,
        }


def parts(z, q, log_prior):
    """(mutual information, total correlation, dimension-wise rate), scalars in nats; z, q of shape (B, D)."""
    densities = log_normal(z[:, None], q.mean[None], q.std[None], q.log_std[None])  # (B, B, D): z_i under q(.|x_j)
    log_m = ops.log(ops.cast(ops.shape(z)[0], "float32"))
    log_q = ops.logsumexp(ops.sum(densities, axis=-1), axis=1) - log_m  # (B,)
    log_q_each = ops.sum(ops.logsumexp(densities, axis=1) - log_m, axis=-1)  # (B,)
    log_q_given_x = ops.sum(log_normal(z, q.mean, q.std, q.log_std), axis=-1)
    return ops.mean(log_q_given_x - log_q), ops.mean(log_q - log_q_each), ops.mean(log_q_each - log_prior(z))
