"""The rate that a structure reports."""

from keras import ops

from vaelab.contracts import Prior, Structure, has_density, optional


def rate_of(structure, z, q, rows=None):
    """KL(q(z|x) || p(z)) as `Outputs.rate` has it: per latent where q is a Gaussian and the prior knows it, else at z.

    Args:
        rows: numbers (B,) of these training images, for a prior with `training_log_prob`; None: its `log_prob`.
    """
    if not has_density(structure, Structure):
        return None
    per_latent = optional(structure.prior, Prior, "rate")
    if structure.closed_form and per_latent is not None:
        return per_latent(q)
    prior = structure.prior
    log_prior = prior.log_prob(z) if rows is None else prior.training_log_prob(z, rows)
    return ops.expand_dims(structure.log_posterior(z, q) - log_prior, axis=-1)
