"""How much memory something takes, asked before it is allocated."""

import math
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from vaelab.errors import ConfigError

LITTLE = 1 << 20  # bytes of a weight for which the system is not asked


def available() -> int:
    """Bytes that can be allocated now: the machine's, or what the control group (a container) leaves, if less."""
    import psutil

    free = psutil.virtual_memory().available
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            group = Path("/sys/fs/cgroup")
            free = min(free, int((group / limit).read_text()) - int((group / used).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return max(free, 0)


def require(n_bytes: float, what: str, instead: str = "") -> None:
    """ConfigError where something would take more memory than there is.

    Args:
        what: what would take it, as the beginning of the sentence.
        instead: what to do.
    """
    there = available()
    if n_bytes > there:
        raise ConfigError(
            f"{what} would take {in_words(n_bytes)} of memory, and {in_words(there)} are available. {instead}".rstrip()
        )


def in_words(n_bytes: float) -> str:
    """ "3.2 GB"; beyond a petabyte a power of ten."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}" if n_bytes < 1e15 else f"{n_bytes:.1e} bytes"
    return f"{n_bytes:.0f} bytes"


@contextmanager
def weights_fit(instead: str, copies: int = 1):
    """While it is open, a weight of a Keras layer that does not fit into memory is refused before it is allocated.

    This covers every architecture, the user's own included, on every backend: all of them make their weights by
    `Layer.add_weight`. Beside the weight there must be room for the draw of its first values.

    Args:
        instead: what to do.
        copies: of all weights that there will be: 4 in training (weights, gradients, two moments of the optimizer).

    Raises:
        ConfigError: the layer, the shape and the bytes of the first weight that does not fit; or any other allocation
            of numpy's that failed.
    """
    import keras

    layer, allocated = keras.layers.Layer, 0
    original = layer.add_weight

    def add_weight(self, *args, **more):
        nonlocal allocated
        given = args[0] if args else more.get("shape") or ()
        shape = tuple(given) if isinstance(given, Iterable) else (given,)
        n_bytes = 4 * math.prod(shape)
        if n_bytes > LITTLE:
            what = f"A weight of shape {shape} (layer '{self.name}')"
            with_what = ", with the gradients and moments of training," if copies > 1 else ""
            require(max(2, copies) * n_bytes + (copies - 1) * allocated, f"{what}{with_what}", instead)
        allocated += n_bytes
        return original(self, *args, **more)

    layer.add_weight = add_weight
    try:
        yield
    except MemoryError as error:
        raise ConfigError(f"{error or 'There is not enough memory'}. {instead}") from None
    finally:
        layer.add_weight = original
