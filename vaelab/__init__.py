"""vaelab: a config-driven lab for variational autoencoders.

    run = vaelab.train("dataset=fashionmnist", "model=conv_v2", beta=4, latent_dim=10)
    run = vaelab.load("latest")
    runs = vaelab.runs("outputs")

`help(vaelab.train)` says more; `vaelab --help` lists the commands of the terminal. Importing this loads nothing heavy.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["Run", "Sweep", "__version__", "compare", "errors", "load", "runs", "sweep", "train"]

_PLACES = {
    "Run": "vaelab.api.run", "Sweep": "vaelab.api.sweep", "compare": "vaelab.api.tables", "load": "vaelab.api.run",
    "runs": "vaelab.api.tables", "sweep": "vaelab.api.sweep", "train": "vaelab.api.training",
}  # fmt: skip

TYPE_CHECKING = False  # true to a type checker; the module typing takes longer to import than all of this
if TYPE_CHECKING:
    from vaelab import errors
    from vaelab.api.run import Run, load
    from vaelab.api.sweep import Sweep, sweep
    from vaelab.api.tables import compare, runs
    from vaelab.api.training import train


def __getattr__(name: str):
    if name == "errors":
        return import_module("vaelab.errors")
    if name not in _PLACES:
        raise AttributeError(f"module 'vaelab' has no attribute '{name}'")
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__():
    return sorted(__all__)
