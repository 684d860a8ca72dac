"""bfloat16 computes the bodies only: features may be short, codes, likelihoods, rates and critics are float32."""

import keras
import numpy as np
import pytest
from parts import images, make_vae

from vaelab.config import locate

CASES = [
    ("objective=vae",),
    ("posterior=realnvp",),
    ("objective=avb", "posterior=implicit", "posterior.join=add"),
    ("objective=avb_ac", "posterior=basis", "objective.inner_dim=16"),
]


def kind(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


@pytest.mark.parametrize("words", CASES, ids=lambda w: w[0])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.quick(3)
def test_what_is_float32(words, views):
    more = ("structure=conjoint",) if views == 2 else ()
    words = ("model=conv_v1", "model.filters=4", *words, *more)
    vae = make_vae(*words, shapes=((8, 8, 1),) * views, precision="bfloat16")
    assert keras.config.dtype_policy().name == "float32"  # building leaves no trace
    x = tuple(images((8, 8, 1), 3, seed=v) for v in range(views))
    seen, outputs = vae(x, training=True)
    likelihood = vae.structure.log_likelihood(seen, outputs.decoded)
    terms = vae.objective.losses(seen, outputs, likelihood, vae.loss_context(True))
    assert {kind(t) for t in (outputs.z, likelihood, *outputs.decoded, *terms.values())} == {"float32"}
    assert np.isfinite(float(terms["loss"]))
    encoder = vae.structure.encoder if views == 1 else vae.structure.encoders[0]
    assert kind(encoder.network.outputs[0]) == "bfloat16"
    assert {kind(v) for v in vae.trainable_variables} == {"float32"}


@pytest.mark.parametrize("model", locate.options("model"))
@pytest.mark.quick(4)
def test_every_decoder_ends_in_float32(model):
    shape = (9, 9, 1)  # some decoders crop
    network = make_vae(f"model={model}", shapes=(shape,), precision="bfloat16").structure.decoder
    assert tuple(network.output_shape[1:3]) == shape[:2]
    assert keras.backend.standardize_dtype(network.outputs[0].dtype) == "float32"
