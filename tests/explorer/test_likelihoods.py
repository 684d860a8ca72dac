"""log p(x|z) of every likelihood, and of structures of several views, runs as LiteRT and equals the model's own."""

from types import SimpleNamespace

import numpy as np
import pytest
from parts import make_vae

from vaelab.config import locate

pytestmark = pytest.mark.slow

CASES = [((f"likelihood={name}",), ((8, 8, 1),), None) for name in locate.options("likelihood")]
CASES += [
    (("likelihood=gaussian", "likelihood.learned=pixel"), ((6, 5, 3),), None),
    (("likelihood=gaussian",), ((8, 8, 1),), (0.3, 0.2)),
    (
        ("structure=conjoint", "structure.private_dims=1", "structure.shared_dim=2", "latent_dim=null"),
        ((8, 8, 1), (8, 8, 1)),
        None,
    ),
]


@pytest.mark.parametrize("words,shapes,standardize", CASES, ids=[f"{w[0]} {s} {t}" for w, s, t in CASES])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_likelihood_in_a_page_is_the_run_s(words, shapes, standardize):
    import tensorflow as tf
    from keras import ops

    from vaelab.explorer import litert
    from vaelab.view.latent_view import LatentView

    vae = make_vae("model=dense", "latent_dim=3", *words, shapes=shapes, standardize=standardize)
    structure = vae.structure
    seen = SimpleNamespace(
        _vae=vae, _structure=structure, latent_dim=structure.latent_dim, condition=None, data_shapes=shapes
    )
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2, structure.latent_dim)).astype(np.float32)
    views = [np.round(255 * rng.random((2, *s))).astype(np.float32) / np.float32(255) for s in shapes]
    decoded = structure.decode(ops.convert_to_tensor(z))
    log_p = ops.convert_to_numpy(structure.log_likelihood(vae.preprocessing(tuple(views)), decoded))
    means = [vae.preprocessing.to_image(p.mean(q)) for p, q in zip(structure.likelihoods, decoded)]
    wanted = np.concatenate([ops.convert_to_numpy(m).reshape(2, -1) for m in means], axis=1)
    model = litert.convert(LatentView.likelihood_model(seen), half=False)
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for k in range(2):
        row = np.concatenate([z[k], *(v[k].ravel() for v in views)])[None]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        assert np.abs(found[:-1] - wanted[k]).max() < 1e-5
        assert found[-1] == pytest.approx(log_p[k], rel=1e-5)
