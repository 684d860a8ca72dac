"""Parts from a configuration's nodes."""

from typing import Any

from vaelab import contracts
from vaelab.config import trust


def settings(node) -> dict:
    """What a node tells its part: all but `_target_` and the like."""
    return {k: v for k, v in node.items() if not (k.startswith("_") and k.endswith("_"))}


def chosen(nodes) -> dict:
    """{option: node} of those that were chosen; a recipe may bring settings of others."""
    return {name: node for name, node in nodes.items() if isinstance(node, dict) and "_target_" in node}


def beside(nodes) -> dict:
    """{setting: value} of what stands beside the options (`schema.BESIDE`)."""
    return {name: value for name, value in nodes.items() if not isinstance(value, dict)}


def part(node, group: str, *, trusted=(), **runtime) -> Any:
    """Calls what a node's `_target_` names with the node's settings and runtime facts.

    Args:
        group: the group of conf/ that the node is of.
        trusted: packages of the user's whose parts may be named.

    Raises:
        ConfigError: the target is no part of this group, or does not keep its contract.
    """
    made = trust.load(node["_target_"], group, trusted)(**settings(node), **runtime)
    contract = contracts.BY_GROUP[group]
    return made if contract in contracts.FUNCTIONS else contracts.check(made, contract, node["_target_"])
