"""A rate that is held at a wanted capacity."""

from keras import layers, ops

from vaelab.config.types import NonNegativeFloat, PositiveFloat
from vaelab.objectives.closed_form import need_closed_form_rate


class Capacity(layers.Layer):
    """loss = distortion + beta * gamma * |rate - C|, in nats per image.

    C = capacity times the factor of `capacity_schedule`, usually a line from 0 over most of the training: the code may
    carry more and more nats, and the latents take up the data's factors one after another.

    Args:
        capacity: C at the end, nats per image.
        gamma: price of a nat beside C; beta, 1 by default, multiplies it.

    References:
        Burgess et al. (2018), Understanding disentangling in beta-VAE.
    """

    terms = ("distortion", "rate")
    samples = None
    weighs_rate = False  # beta is not the rate's weight in other conventions
    ranks_models_by = None  # gamma |rate - C| decides, and C may still be growing
    reads_capacity = True  # of `capacity_schedule`

    def __init__(self, *, capacity: NonNegativeFloat, gamma: PositiveFloat, structure, seed):
        super().__init__(name="objective", dtype="float32")
        need_closed_form_rate(structure, "objective=capacity")
        self.capacity, self.gamma = capacity, gamma

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        return f"loss = distortion + {beta * self.gamma:g} |rate - C|, C = {self.capacity:g} in the end"

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `VAE.losses`."""
        distortion = -ops.mean(log_likelihood)
        rate = ops.mean(ops.sum(outputs.rate, axis=-1))
        missed = ops.abs(rate - self.capacity * stage.capacity)
        return {"loss": distortion + stage.beta * self.gamma * missed, "distortion": distortion, "rate": rate}
