"""What a structure returns."""

from typing import NamedTuple


class Outputs(NamedTuple):
    """One pass through encoder, posterior and decoder. S is the optional leading sample axis.

    Attributes:
        z: (B, D) or (S, B, D).
        q: parameters of q(z|x), each (B, D); those of a flow as the posterior has them (with several parts a tuple of
            theirs); None where implicit.
        decoded: tuple, likelihood parameters per view, (B, H, W, C') or (S, B, H, W, C').
        rate: KL(q(z|x) || p(z)) whose sum over the last axis is the rate: per latent, (B, D), or (B, 1) or (S, B, 1),
            log q(z|x) - log p(z) at z, where it has no closed form; the one or the other of each level in turn
            (`rate_parts`); None where q has no density.
    """

    z: object
    q: object
    decoded: tuple
    rate: object
