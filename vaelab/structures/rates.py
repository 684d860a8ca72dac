"""The rate that a structure reports."""

from keras import ops

from vaelab.contracts import Prior, optional


def rate_of(structure, z, q):
    """KL(q(z|x) || p(z)) as `Outputs.rate` has it: per latent where the prior knows it, else at the draw z."""
    if not structure.closed_form:
        return None
    per_latent = optional(structure.prior, Prior, "rate")
    if per_latent is not None:
        return per_latent(q)
    return ops.expand_dims(structure.log_posterior(z, q) - structure.prior.log_prob(z), axis=-1)
