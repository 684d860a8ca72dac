"""`vaelab COMMAND [key=value ...]`: the page of commands at once, everything else by `dispatch`."""

import sys

from vaelab.config.commands import COMMANDS, JSON
from vaelab.system import streams


def main(argv: list[str] | None = None) -> int:
    """Runs one command line; returns the exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    first, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if first in ("-h", "--help", "help"):
        return _printed(usage())
    if first in ("-V", "--version"):
        from vaelab import __version__

        return _printed(f"vaelab {__version__}")
    from vaelab.system.exits import exit_code_of

    as_json = first in JSON and "--json" in rest
    rest = [word for word in rest if word != "--json"] if as_json else rest
    return exit_code_of(lambda: _answered(first, rest), as_json=as_json)


def _printed(text: str) -> int:
    with streams.despite_trouble():
        streams.output(text)
    return 0


def _answered(first: str, rest: list[str]) -> int:
    if first in ("-sc", "--shell-completion"):
        from vaelab.commands import completion

        return completion.answer()
    from vaelab.dispatch import dispatch

    return dispatch(first, rest)


def usage() -> str:
    """The page of `vaelab --help`."""
    from vaelab.system import tables

    return f"""vaelab: a config-driven lab for variational autoencoders

usage: vaelab COMMAND [group=option ...] [key=value ...]

{tables.entries(COMMANDS.items())}

  vaelab train dataset=fashionmnist model=conv_v2
  vaelab train -m dataset=fashionmnist beta=0.5,1,4 latent_dim=2,10
  vaelab explore run=latest

  vaelab train model=dense --help        the settings of what is chosen

R is a run folder, an MLflow run id or run name, or 'latest'."""
