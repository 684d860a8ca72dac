"""How many latents the encoder uses."""

from vaelab.config.types import NonNegativeFloat, Split
from vaelab.metrics.mean_variance import mean_variance
from vaelab.metrics.score import Score


def active_units(view, *, split: Split, threshold: NonNegativeFloat) -> dict[str, Score]:
    """Number of latents d with Var_x(E_q(z|x) z_d) > threshold.

    Args:
        threshold: variance over images of the posterior mean; 0.01 by custom.

    References:
        Burda, Grosse & Salakhutdinov (2016), section 5.2.
    """
    active = mean_variance(view, split) > threshold
    note = None
    if len(view.parts) > 1:
        counts = (f"{name} {int(active[s].sum())} of {active[s].size}" for name, s in view.parts.items())
        note = "active: " + ", ".join(counts)
    return {"active_units": Score(float(active.sum()), None, len(view.split(split)), note=note)}
