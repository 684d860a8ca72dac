"""What a structure returns."""

from typing import NamedTuple


class Outputs(NamedTuple):
    """One pass through encoder, posterior and decoder. S is the optional leading sample axis.

    Attributes:
        z: (B, D) or (S, B, D).
        q: parameters of q(z|x), each (B, D); None where implicit.
        decoded: tuple, likelihood parameters per view, (B, H, W, C') or (S, B, H, W, C').
        rate: KL(q(z|x) || p(z)) per latent, (B, D); None where implicit.
    """

    z: object
    q: object
    decoded: tuple
    rate: object
