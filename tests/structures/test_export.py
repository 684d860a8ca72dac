"""The `.h5` models of every structure and posterior open in plain Keras and say what the structure says."""

import subprocess
import sys

import numpy as np
import pytest
from keras import ops
from parts import images, make_vae

SHAPE = (8, 8, 1)
IMPLICIT = ("objective=avb", "posterior=implicit", "posterior.noise_dim=3")
CONJOINT, CONDITION, K = ("structure=conjoint",), ("condition=label",), 3
LEVELS = ("structure=two_level", "structure.levels=[3,2]", "structure.hidden_dim=12")
CASES = {
    **{f"single_{j}": (1, (*IMPLICIT, f"posterior.join={j}")) for j in ("inside", "add", "concatenate", "product")},
    "single_basis": (1, ("objective=avb_ac", "posterior=basis")),
    "single_convolutions": (1, (*IMPLICIT, "model=conv_v2", "model.filters=4")),
    "single_flow": (1, ("posterior=realnvp",)),
    "single_flow_alone": (
        1,
        ("posterior=realnvp", "posterior.context_dim=0", "posterior.hidden_dims=[]", "latent_dim=3"),
    ),
    "single_pixel_variance": (1, ("likelihood=gaussian", "likelihood.learned=pixel")),
    "single_continuous_bernoulli": (1, ("likelihood=continuous_bernoulli",)),
    "conjoint_gaussian": (3, (*CONJOINT, "posterior.std=linear")),
    "conjoint_continuous_bernoulli": (2, (*CONJOINT, "likelihood=continuous_bernoulli")),
    "conjoint_convolutions": (2, (*CONJOINT, "model=conv_v1", "model.filters=4")),
    "conjoint_implicit": (2, (*CONJOINT, *IMPLICIT, "posterior.join=product", "structure.private_dims=[1,2]")),
    "conjoint_flow": (2, (*CONJOINT, "posterior=realnvp", "structure.private_dims=[2,3]")),
    "levels": (1, LEVELS),
    "levels_convolutions": (1, (*LEVELS, "model=conv_v2", "model.filters=4", "structure.levels=[2,2,3]")),
    "levels_ladder": (1, (*LEVELS, "structure.inference=ladder", "structure.levels=[3,2,2]", "posterior.std=linear")),
    "levels_flow": (1, (*LEVELS, "posterior=realnvp")),
    "levels_condition_planes": (1, (*LEVELS, *CONDITION, "condition.planes=true")),
    "single_condition": (1, CONDITION),
    "single_condition_planes": (1, (*CONDITION, "condition.planes=true", "model=conv_v2", "model.filters=4")),
    "single_condition_implicit": (1, (*CONDITION, *IMPLICIT, "condition.planes=true")),
    "single_condition_flow": (1, (*CONDITION, "posterior=realnvp")),
    "conjoint_condition": (2, (*CONJOINT, *CONDITION)),
    "conjoint_condition_implicit": (2, (*CONJOINT, *CONDITION, *IMPLICIT, "condition.planes=true")),
    "conjoint_basis": (2, (*CONJOINT, "objective=avb_ac", "posterior=basis", "likelihood=gaussian")),
}
SCRIPT = """
import sys, numpy as np, keras
assert not any("vaelab" in p for p in sys.modules)
as_list = lambda v: list(v) if isinstance(v, (list, tuple)) else [v]
for case in sys.argv[1:]:
    with np.load(f"{case}/inputs.npz") as content:
        inputs = [content[k] for k in sorted(content.files)]
    models = {n: keras.models.load_model(f"{case}/{n}.h5", compile=False) for n in ("encoder", "decoder", "vae")}
    call = lambda model, values: as_list(model(values if len(values) > 1 else values[0]))
    code = call(models["encoder"], inputs)
    given = [keras.ops.convert_to_tensor(v) for v, i in zip(inputs, models["encoder"].inputs) if i.name == "condition"]
    assert len(given) == ("condition" in case) == ("condition" in [i.name for i in models["decoder"].inputs])
    images = call(models["decoder"], [code[0], *given])
    again = call(models["vae"], inputs)
    np.savez(f"{case}/outputs.npz", *[keras.ops.convert_to_numpy(v) for v in (*code, *images, *again)])
"""


@pytest.mark.slow
@pytest.mark.parametrize("standardize", [None, (0.3, 0.4)], ids=["unit", "standardised"])
def test_models_open_without_vaelab(tmp_path, standardize):
    expected = {}
    for case, (views, words) in CASES.items():
        small = () if "model=conv" in " ".join(words) else ("model=dense", "model.hidden_dims=[16]")
        dim = K if "condition" in case else 0
        vae = make_vae(*small, *words, shapes=(SHAPE,) * views, standardize=standardize, condition_dim=dim)
        folder = tmp_path / case
        folder.mkdir()
        x = tuple(images(SHAPE, 4, seed=v) for v in range(views))
        given = (np.eye(K, dtype=np.float32)[[0, 2, 1, 0]],) if dim else ()
        models = vae.structure.export(vae.preprocessing.to_network, vae.preprocessing.to_image)
        for name, model in zip(("encoder", "decoder", "vae"), models):
            model.save(folder / f"{name}.h5")
        seen, inputs = (*vae.preprocessing(x), *map(ops.convert_to_tensor, given)), list(x)
        if vae.structure.closed_form:
            code = vae.structure.infer(seen)
        else:
            inputs.append(np.random.default_rng(0).standard_normal((4, vae.structure.eps_dim)).astype(np.float32))
            code = (vae.structure.draw(seen, ops.convert_to_tensor(inputs[-1])),)
        decoded = [
            vae.preprocessing.to_image(p.mean(v))
            for p, v in zip(vae.structure.likelihoods, vae.structure.decode(code[0], *seen[views:]))
        ]
        inputs += given
        np.savez(folder / "inputs.npz", **{f"{n:02d}": v for n, v in enumerate(inputs)})
        expected[case] = [ops.convert_to_numpy(v) for v in (*code, *decoded, *decoded)]
    subprocess.run([sys.executable, "-I", "-c", SCRIPT, *CASES], cwd=tmp_path, check=True, capture_output=True)
    for case, values in expected.items():
        with np.load(tmp_path / case / "outputs.npz") as content:
            found = [content[f"arr_{n}"] for n in range(len(content.files))]
        assert len(found) == len(values), case
        for one, other in zip(found, values):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=case)
