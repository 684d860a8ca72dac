"""Every objective on every backend, each in a process of its own: an epoch, the same epoch again, and a resumed one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BACKENDS = ["tensorflow", "jax", "torch"]
JOBS = {
    "vae": ["beta_schedule=warmup", "objective.free_bits=0.1"],
    "vae, condition": ["condition=label", "condition.planes=true"],
    "avb, condition": ["objective=avb", "posterior=implicit", "condition=label"],
    "vae, flow": ["posterior=realnvp", "latent_dim=3"],
    "iwae, flow": ["objective=iwae", "posterior=realnvp", "posterior.context_dim=0"],
    "capacity": ["objective=capacity", "capacity_schedule=warmup"],
    "tcvae": ["objective=tcvae"],
    "iwae": ["objective=iwae"],
    "iwae, dreg": ["objective=iwae", "objective.gradient=dreg"],
    "mmd": ["objective=mmd", "beta=100"],
    "mmd, implicit": ["objective=mmd", "beta=100", "posterior=implicit"],
    "dipvae": ["objective=dipvae"],
    "factorvae": ["objective=factorvae", "objective.critic_learning_rate=0.0001"],
    "avb": ["objective=avb", "posterior=implicit", "objective.critic_learning_rate=0.002"],
    "avb_ac": ["objective=avb_ac", "posterior=basis", "objective.inner_dim=32", "objective.critic_beta_1=0.5"],
    "vae, ladder": ["structure=two_level", "structure.levels=[3,2]", "structure.inference=ladder", "latent_dim=5"],
    "m2": ["objective=m2", "condition=label", "dataset.labelled=50", "objective.labelled_batch=20"],
    "m2, few classes": ["objective=m2", "condition=label", "dataset.labelled=50", "objective.summed_classes=2"],
    "conjoint flow": ["dataset=conjoint_synthetic", "structure=conjoint", "posterior=realnvp"],
    "conjoint vae": ["dataset=conjoint_synthetic", "structure=conjoint"],
    "conjoint avb": [
        "dataset=conjoint_synthetic", "structure=conjoint", "objective=avb", "posterior=implicit",
        "posterior.join=product",
    ],
}  # fmt: skip
SCRIPT = """
import json, sys, tempfile
import numpy as np
sys.path.insert(0, sys.argv[1])
from parts import config, make_vae, trainer_of
import keras
from vaelab.jobs.opening import open_dataset
from vaelab.training.variables import arrays_of, of_model
from vaelab.training.fit import fit
assert keras.backend.backend() == sys.argv[2]

def trained(name, words, epochs, folder=None):
    cfg = config("model=dense", "model.hidden_dims=[32]", "trainer=quick", "trainer.progress=false", *words)
    cfg["trainer"]["validation"] = "split" if name == "vae" else "none"
    dataset = open_dataset(cfg)
    words = [w for w in words if not w.startswith("dataset=")]
    vae = make_vae("model=dense", "model.hidden_dims=[32]", *words, shapes=dataset.shapes, total_steps=20,
                   condition_dim=dataset.facts.condition_dim)
    # a whole epoch with its smaller last batches for one kind, four batches for the others: each shape is compiled
    short = {} if name == "vae" else {"steps_per_epoch": 4}
    trainer = trainer_of(cfg, epochs=epochs, early_stopping=None, **short)
    keep = {"seed": 0, "schedule": lambda p: 1.0, "optimize": None, "checkpoint_path": folder}
    history = fit(vae, dataset, trainer, **keep).history
    # validation holds the best weights back: compare what training itself left
    return history, list(arrays_of(of_model(vae)).values())

same = lambda a, b: len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))
for name, words in json.loads(sys.argv[3]).items():
    goes_on = name in ("vae", "vae, condition", "vae, flow", "avb")
    history, weights = trained(name, words, 2 if goes_on else 1)
    assert all(np.isfinite(v) for row in history for v in row.values()), (name, history)
    with tempfile.TemporaryDirectory() as folder:
        first, again = trained(name, words, 1, folder)
        assert first[0]["train/loss"] == history[0]["train/loss"], f"{name}: not repeatable"
        if goes_on:
            resumed, again = trained(name, words, 2, folder)
            assert resumed[1]["train/loss"] == history[1]["train/loss"], (name, history[1], resumed[1])
        assert same(weights, again), f"{name}: not repeatable" + ", or resumed is not the same" * goes_on
"""


def run(backend, *words):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    env = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "TF_NUM_INTEROP_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, cwd=HERE.parent.parent)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_objective_trains_repeats_and_resumes(backend):
    import json

    run(backend, "-c", SCRIPT, str(HERE.parent), backend, json.dumps(JOBS))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_gradients_speeds_and_formulas_hold_on(backend):
    files = ["test_adversarial.py", "test_closed_form_objectives.py", "test_vae.py"]
    run(backend, "-m", "pytest", "-q", "-m", "not slow", *[str(HERE / f) for f in files])
