"""What most objectives ask of q(z|x)."""

from vaelab.errors import ConfigError


def need_closed_form(structure, objective: str) -> None:
    """ConfigError where the structure's q(z|x) has no density."""
    if not structure.closed_form:
        raise ConfigError(
            f"objective={objective} needs a closed-form q(z|x); posterior={structure.posterior_name} has none. "
            "Use objective=avb or posterior=gaussian."
        )
