"""Composed configurations as plain containers."""

import re
from contextlib import contextmanager
from typing import Any, cast

from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError


def plain(node, resolve: bool = True) -> dict[str, Any]:
    """A node of a composed configuration; {} where there is none.

    Args:
        resolve: replace every ${...} by what it stands for.

    Raises:
        ConfigError: a ${...} stands for nothing.
    """
    from omegaconf import OmegaConf

    with references_told():
        return {} if node is None else cast(dict[str, Any], OmegaConf.to_container(node, resolve=resolve))


@contextmanager
def references_told(key: str | None = None):
    """ConfigError where a ${...} stands for nothing.

    Args:
        key: the setting that is read, where the error does not name it.
    """
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except (OmegaConfBaseException, RecursionError, ValueError, TypeError) as error:
        raise ConfigError(_about_reference(error, key)) from None


def without_hydra(full) -> Any:
    """A composed configuration (OmegaConf's) without Hydra's own node."""
    from omegaconf import OmegaConf

    return OmegaConf.masked_copy(full, [key for key in full if key != "hydra"])


def chosen_options(hydra) -> dict[str, str]:
    """{group: option} as Hydra's node recorded them; not of groups that take several, nor of Hydra's own."""
    return {k: v for k, v in hydra.runtime.choices.items() if "/" not in k and isinstance(v, str)}


def _about_reference(error: Exception, key: str | None) -> str:
    """What is wrong with a ${...}."""
    from omegaconf import OmegaConf

    text, key = str(error), key or getattr(error, "full_key", None)
    where = f"{key}: " if key else ""
    kind = type(error).__name__
    if kind == "InterpolationKeyError" and (name := re.search(r"key '([^']*)'", text)):
        return f"{where}there is no setting '{name[1]}' that ${{{name[1]}}} could stand for."
    if kind == "UnsupportedInterpolationType" and (name := re.search(r"type (\S+)", text)):
        known = [n for n in ("oc.env", "oc.decode", "oc.select", "now", "hydra") if OmegaConf.has_resolver(n)]
        return f"{where}${{{name[1]}:...}} is unknown. {nearest(name[1], known)}"
    if variable := re.search(r"Environment variable '([^']*)' not found", text):
        return f"{where}the environment variable {variable[1]} is not set; ${{oc.env:{variable[1]},null}} allows that."
    if isinstance(error, RecursionError) or "RecursionError" in text or "ecursi" in text:
        return f"{where}this ${{...}} stands for itself."
    return f"{where}what stands in ${{...}} cannot be read: expected ${{setting}} or ${{oc.env:NAME,default}}."
