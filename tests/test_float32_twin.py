"""The one way to a model: its float32 twin."""

import numpy as np
from parts import config

from vaelab.build import build, float32_twin
from vaelab.datasets.base import DataFacts
from vaelab.training.variables import arrays_of, of_model


def test_the_float32_twin_has_the_weights_of_now():
    cfg, facts = config("model=dense", "trainer.precision=bfloat16"), DataFacts(((8, 8, 1),))
    vae, twin = build(cfg, facts, precision="bfloat16"), None
    bias = of_model(vae)["decoder/hidden_1/bias"]
    for value in (1.0, 2.0):
        bias.assign(np.full(bias.shape, value))
        made, twin = twin, float32_twin(vae, cfg, facts, twin=twin)
        assert made in (None, twin) and twin.structure.decoder.get_layer("hidden_1").compute_dtype == "float32"
        ours, theirs = arrays_of(of_model(vae)), arrays_of(of_model(twin))
        assert list(ours) == list(theirs) and all(np.array_equal(ours[path], theirs[path]) for path in ours)
    cfg = config("model=dense")
    vae = build(cfg, facts)
    assert float32_twin(vae, cfg, facts) is vae
