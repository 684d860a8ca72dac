"""First weights of all layers alike, whatever their architecture says."""

import math
from typing import Any

import keras
import numpy as np

from vaelab.compute import seeds
from vaelab.compute.couplings import Couplings
from vaelab.contracts import Objective, Prior, optional

# std^2 of a kernel's entries, of (fan_in, fan_out)
VARIANCES = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}
_SUB_STREAM = 1  # "init" without it seeds Keras's own initialisers


def apply(structure, *, kernel: str | None, bias: str | None, seed: int) -> None:
    """Draws the kernels and biases of dense and convolutional layers anew; those of a learned prior and of flows, which
    start as the identity, are left as they are.

    kernel: "<he|glorot|lecun>_<normal|uniform>": entries of mean 0 and variance 2 / fan_in, 2 / (fan_in + fan_out),
    1 / fan_in, normal (not truncated, unlike Keras's) or uniform. bias: "fan_in_uniform": uniform in
    +-1 / sqrt(fan_in), PyTorch's default. None leaves what the layer was built with. Equal on every backend.

    References:
        He et al. (2015), Glorot & Bengio (2010), LeCun et al. (1998).
    """
    if kernel is None and bias is None:
        return
    rng, found = seeds.generator(seed, "init", _SUB_STREAM), list(structure._flatten_layers())
    flows = [v for layer in found if isinstance(layer, Couplings) for v in layer.variables]
    done = {id(v) for v in [*prior_variables(structure), *flows]}
    for layer in found:
        fans = _fans(layer)
        if fans is None or id(layer.kernel) in done:
            continue
        done.add(id(layer.kernel))
        if kernel is not None:
            scale, _, shape = kernel.partition("_")
            layer.kernel.assign(_draws(rng, shape, VARIANCES[scale](*fans), layer.kernel.shape))
        if bias is not None and layer.bias is not None:
            layer.bias.assign(_draws(rng, "uniform", 1 / (3 * fans[0]), layer.bias.shape))


def start_prior(vae, images, seed: int) -> None:
    """Hands the training images (views as stored, and their condition) to a prior that asks for them; for a model with
    its first weights."""
    if start := optional(vae.structure.prior, Prior, "start"):
        start(images, seeds.generator(seed, "init", 2))
        vae.renew_prior()


def start_objective(vae, images) -> None:
    """Hands what training sees of the training images to an objective that asks for it."""
    if start := optional(vae.objective, Objective, "start"):
        start(images)


def prior_variables(structure) -> list:
    """The variables of a prior that learns, [] of one that does not."""
    return structure.prior.variables if isinstance(structure.prior, keras.layers.Layer) else []


def _draws(rng, shape: str, variance: float, size):
    """Normal or uniform draws of mean 0; a uniform one on [-a, a] has variance a^2 / 3."""
    if shape == "normal":
        return rng.normal(0.0, math.sqrt(variance), size).astype(np.float32)
    edge = math.sqrt(3 * variance)
    return rng.uniform(-edge, edge, size).astype(np.float32)


def _fans(layer) -> tuple[int, int] | None:
    """(fan_in, fan_out) of a dense or convolutional layer, None of others."""
    kinds: Any = keras.layers  # its classes' weights have no types
    if isinstance(layer, (kinds.Dense, kinds.EinsumDense)):  # grouped ones are several layers side by side
        return layer.kernel.shape[-2:]
    if isinstance(layer, (kinds.Conv1DTranspose, kinds.Conv2DTranspose, kinds.Conv3DTranspose)):
        *field, fan_out, fan_in = layer.kernel.shape
    elif isinstance(layer, (kinds.Conv1D, kinds.Conv2D, kinds.Conv3D)):
        *field, fan_in, fan_out = layer.kernel.shape
    else:
        return None
    return math.prod(field) * fan_in, math.prod(field) * fan_out
