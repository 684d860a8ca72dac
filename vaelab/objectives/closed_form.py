"""What objectives ask of q(z|x) and p(z)."""

from vaelab.contracts import Prior, Structure, has_density, optional
from vaelab.errors import ConfigError


def need_density(structure, objective: str) -> None:
    """ConfigError where the structure's q(z|x) has no density."""
    if not has_density(structure, Structure):
        raise ConfigError(
            f"objective={objective} needs the density of q(z|x); posterior={structure.posterior_name} has none. "
            "Use objective=avb or posterior=gaussian."
        )


def need_one_level(structure, objective: str) -> None:
    """ConfigError where moments of q(z|x) are not known whatever the posterior, for the latents are in levels.

    Args:
        objective: the setting that needs them.
    """
    if optional(structure, Structure, "levels") > 1:
        raise ConfigError(
            f"{objective} needs mean and variance of q(z|x), and those of several levels of latents are not "
            "known. Use structure=single, or objective=vae or iwae."
        )


def need_closed_form(structure, objective: str) -> None:
    """ConfigError where the structure's q(z|x) is no diagonal Gaussian."""
    need_one_level(structure, objective)
    if not structure.closed_form:
        raise ConfigError(
            f"{objective} needs a closed-form q(z|x), a Gaussian; posterior={structure.posterior_name} is "
            "none. Use posterior=gaussian, or an objective that needs less (avb, mmd)."
        )


def need_closed_form_rate(structure, objective: str) -> None:
    """ConfigError where KL(q(z_d|x) || p(z_d)) of a latent is not known."""
    need_closed_form(structure, objective)
    if optional(structure.prior, Prior, "rate") is None:
        name = optional(structure.prior, Prior, "option")
        raise ConfigError(
            f"{objective} needs the rate of each latent in closed form; prior={name} has none. Use prior=standard."
        )


def need_one_density(structure, objective: str) -> None:
    """ConfigError where p(z) is another while training, which only the rate that the structure reports knows."""
    if optional(structure.prior, Prior, "training_log_prob") is not None:
        name = optional(structure.prior, Prior, "option")
        raise ConfigError(
            f"prior={name} leaves an image out of its own prior while training, which objective={objective} does not. "
            "Use objective=vae."
        )


def need_factorised_prior(structure, objective: str) -> None:
    """ConfigError where p(z) is no product over latents."""
    if not optional(structure.prior, Prior, "factorised"):
        name = optional(structure.prior, Prior, "option")
        raise ConfigError(
            f"objective={objective} compares each latent with its own prior p(z_d); prior={name} is no product of "
            "them. Use prior=standard."
        )
