"""A run whose prior learns, as commands and plain Keras see it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from support import BACKEND, BARE

PLAIN = """
import sys, numpy as np, keras
assert not any('vaelab' in p for p in sys.modules)
eps = np.random.default_rng(0).standard_normal((4000, 2)).astype('float32')
np.save('z.npy', keras.ops.convert_to_numpy(keras.models.load_model('prior.h5', compile=False)(eps)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["realnvp", "vamp", "exemplar"])
def test_it_is_drawn_from_and_measured_again(command, tmp_path, prior):
    words = {"realnvp": ["prior.hidden_dims=[16]"], "vamp": ["prior.pseudo_inputs=10"], "exemplar": []}[prior]
    command("train", "model=dense", "trainer=quick", f"prior={prior}", *words, f"backend={BACKEND}", *BARE,
            "metric=[elbo]", "hydra.run.dir=run")  # fmt: skip
    run = tmp_path / "run"
    scores = json.loads((run / "metrics.json").read_text())
    assert "one draw" in scores["test/rate"]["note"] and "one draw" in scores["test/elbo"]["note"]
    command("evaluate", "run=run", "metric=[elbo]")
    again = json.loads((run / "metrics.json").read_text())
    assert again["test/elbo"]["value"] == pytest.approx(scores["test/elbo"]["value"], rel=1e-6)
    command("generate", "run=run", "n=4")
    assert (run / "figures/generated_prior_4_seed0.png").is_file()
    with np.load(run / "prior.npz") as content:
        arrays = dict(content)
    if prior == "realnvp":
        subprocess.run([sys.executable, "-I", "-c", PLAIN], cwd=run, check=True, capture_output=True)
        z = np.load(run / "z.npy")
        assert z.shape == (4000, 2) and np.isfinite(z).all()
    else:
        assert arrays["mean"].shape == arrays["std"].shape == (len(arrays["log_weights"]), 2)
        assert np.exp(arrays["log_weights"]).sum() == pytest.approx(1, rel=1e-4)
    (run / "prior.npz").unlink()
    done = command("generate", "run=run", "n=4", check=False)
    assert done.returncode and "no prior.npz" in done.stderr + done.stdout and "Traceback" not in done.stderr
