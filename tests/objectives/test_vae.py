"""The beta-weighted ELBO: its terms, its weights, and who moves whom."""

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae, moved, one_step, snapshot

from vaelab.errors import ConfigError
from vaelab.training.vae import LossContext


def step(vae, x, training=False):
    return vae((x,), training=training)


def test_terms_are_the_definition():
    vae = make_vae("model=dense", "beta=3")
    x = images((8, 8, 1), 6)
    seen, outputs = step(vae, x)
    log_likelihood = vae.structure.log_likelihood(seen, outputs.decoded)
    terms = {
        k: float(v)
        for k, v in vae.objective.losses(seen, outputs, log_likelihood, LossContext(3.0, 1.0, False)).items()
    }
    mean, std = (ops.convert_to_numpy(v) for v in vae.structure.infer(seen))
    assert terms["rate"] == pytest.approx(0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum(1).mean(), rel=1e-4)
    logits = ops.convert_to_numpy(outputs.decoded[0])
    entropy = np.maximum(logits, 0) - logits * x + np.log1p(np.exp(-np.abs(logits)))
    assert terms["distortion"] == pytest.approx(entropy.sum((1, 2, 3)).mean(), rel=1e-5)
    assert terms["loss"] == pytest.approx(terms["distortion"] + 3 * terms["rate"], rel=1e-6)


def test_a_loss_that_is_no_scalar_is_refused():
    vae = make_vae("model=dense")
    seen, outputs = step(vae, images((8, 8, 1), 6))
    vae.objective.losses = lambda x, outputs, log_likelihood, stage: dict.fromkeys(
        ("loss", "distortion", "rate"), ops.zeros(3)
    )
    with pytest.raises(
        ConfigError, match=r"VAE\.losses: expected a scalar loss, the mean over the batch; got shape \(3,\)"
    ):
        vae.compute_loss(y_pred=(seen, outputs))


def test_rate_moves_the_encoder_only_and_distortion_everything():
    x = images((8, 8, 1), 6)
    vae = make_vae("model=dense")
    parts = {"encoder": vae.structure.encoder, "posterior": vae.structure.posterior, "decoder": vae.structure.decoder}
    before = {name: snapshot(part) for name, part in parts.items()}
    one_step(vae, (x,), lambda seen, outputs: ops.mean(ops.sum(outputs.rate, axis=-1)))
    change = {name: moved(before[name], part) for name, part in parts.items()}
    assert change["decoder"] == 0.0 and change["encoder"] > 0 and change["posterior"] > 0
    before = {name: snapshot(part) for name, part in parts.items()}
    one_step(vae, (x,), lambda seen, outputs: -ops.mean(vae.structure.log_likelihood(seen, outputs.decoded)))
    assert all(moved(before[name], part) > 0 for name, part in parts.items())
