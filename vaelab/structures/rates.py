"""The rate that a structure reports."""

from keras import ops

from vaelab.contracts import Prior, optional


def rate_of(structure, z, q, rows=None):
    """KL(q(z|x) || p(z)) as `Outputs.rate` has it: per latent where the prior knows it, else at the draw z.

    Args:
        rows: numbers (B,) of these training images, for a prior with `training_log_prob`; None: its `log_prob`.
    """
    if not structure.closed_form:
        return None
    per_latent = optional(structure.prior, Prior, "rate")
    if per_latent is not None:
        return per_latent(q)
    prior = structure.prior
    log_prior = prior.log_prob(z) if rows is None else prior.training_log_prob(z, rows)
    return ops.expand_dims(structure.log_posterior(z, q) - log_prior, axis=-1)
