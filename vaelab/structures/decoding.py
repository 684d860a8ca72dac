"""Decoding with an optional leading sample axis."""

from keras import ops


def decode_samples(decoder, z):
    """decoder(z) for z (B, D) or (S, B, D): the sample axis is folded into the batch and unfolded again."""
    if len(z.shape) == 2:
        return decoder(z)
    samples, batch = ops.shape(z)[0], ops.shape(z)[1]
    params = decoder(ops.reshape(z, (-1, z.shape[-1])))  # (S * B, H, W, C')
    return ops.reshape(params, (samples, batch, *params.shape[1:]))
