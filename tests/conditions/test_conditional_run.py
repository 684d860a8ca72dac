"""A run with a condition, from its training to what is made of it; small numbers of everything."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from support import BACKEND, vaelab

PLAIN_KERAS = """
import sys, numpy as np, keras
assert not any("vaelab" in p for p in sys.modules)
decoder = keras.models.load_model(sys.argv[1] + "/decoder.h5", compile=False)
z = np.zeros((10, decoder.inputs[0].shape[-1]), "float32")
np.save(sys.argv[2], decoder.predict({"z": z, "condition": np.eye(10, dtype="float32")}, verbose=0))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the digits, trained until its decoder knows the ten classes."""
    cwd = tmp_path_factory.mktemp("conditional")
    more = ["trainer.epochs=40", "trainer.batch_size=32", "trainer.learning_rate=0.003", "trainer.progress=false"]
    vaelab("train", "condition=label", "model=dense", "model.hidden_dims=[64]", "latent_dim=3", "tracking=none",
           "plot=[samples,traversal]", "metric=[elbo]", f"backend={BACKEND}", f"hydra.run.dir={cwd / 'run'}", *more,
           cwd=cwd)  # fmt: skip
    return cwd / "run"


@pytest.mark.slow
def test_the_decoder_makes_the_digit_that_is_asked_for_in_plain_keras(run, tmp_path):
    """Its ten images at z = 0 are nearest to the mean images of their own classes."""
    from sklearn.datasets import load_digits

    script = [sys.executable, "-I", "-c", PLAIN_KERAS, str(run), str(tmp_path / "made.npy")]
    subprocess.run(script, check=True, capture_output=True)
    made = np.load(tmp_path / "made.npy").reshape(10, -1)
    pixels, labels = load_digits(return_X_y=True)
    means = np.stack([pixels[labels == k].mean(axis=0) / 16 for k in range(10)])
    nearest = ((made[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.arange(10)).sum() >= 9


@pytest.mark.slow
def test_what_is_told_and_kept(run, command):
    assert json.loads((run / "condition.json").read_text())["fields"][0][0] == "class"
    log = (run / "run.log").read_text()
    assert "plot traversal left out: this run decodes with a condition: give plots.traversal.condition=" in log
    assert log.index("plot traversal left out") < log.index("parameters, 1,293 training images")  # before training
    assert {p.name for p in (run / "figures").iterdir()} == {"samples.png"}
    following = log.partition("next:")[2]
    assert "generate run=run condition=0 n=16" in following and " explore " not in following
    made = command("generate", f"run={run}", "n=4", "condition=[7,3]").stdout.strip()
    assert made.endswith("generated_prior_4_seed0_7_3.png")
    for words, told in {
        "n=2": "give condition=..., class (0, 1,", "n=2 condition=12": "there is no class '12'",
        "z=[0,0,0] condition={kind:3}": "'kind' is not known",
    }.items():  # fmt: skip
        refused = command("generate", f"run={run}", *words.split(), check=False)
        assert refused.returncode == 2 and told in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.slow
def test_the_python_api_takes_it(run):
    import vaelab as api
    from vaelab.errors import ConfigError

    own = api.load(run)
    digits = own.view.split("test")
    np.testing.assert_array_equal(own.sample(4, condition=7), own.sample(4, condition=["7"] * 4))
    assert own.sample(5).shape == (5, 8, 8, 1)
    mean, _ = own.encode(digits.x[0], condition=digits.y)
    np.testing.assert_allclose(mean, digits.mean, atol=1e-5)
    style = own.decode(mean[:3], condition=8)
    assert np.abs(style - own.decode(mean[:3], condition=digits.y[:3])).max() > 0.1
    for call in (lambda: own.encode(digits.x[0]), lambda: own.decode(mean), lambda: own.decode(mean, condition=[1, 2])):
        with pytest.raises(ConfigError, match="condition"):
            call()


@pytest.mark.slow
def test_pictures_keep_or_change_it(run, command):
    words = "plot=[reconstructions,interpolation,manifold,latent_card,class_grid,tsne]"
    more = ["plots.reconstructions.condition=8", "plots.manifold.condition=3", "plots.manifold.dims=[0,1]",
            "plots.latent_card.condition=1", "plots.tsne.n=100"]  # fmt: skip
    drawn = command("plot", f"run={run}", words, *more).stdout.split()
    assert len(drawn) == 6
    refused = command("plot", f"run={run}", "plot=[samples]", "plots.samples.condition=[3,ten]", check=False)
    assert refused.returncode == 2 and "plots.samples.condition: there is no class 'ten'" in refused.stderr


@pytest.mark.slow
def test_going_on_and_repeating(run, tmp_path):
    own = shutil.copytree(run, tmp_path / "own")
    vaelab("resume", f"run={own}", "trainer.epochs=42", cwd=tmp_path)
    assert json.loads((own / "status.json").read_text())["epochs"] == 42
    assert "PASS" in vaelab("reproduce", f"run={run}", cwd=tmp_path).stdout


@pytest.mark.slow
def test_images_are_scored_with_their_own_condition(run, tmp_path, command):
    """The same digits from a file: the run's own numbers; told the wrong class they are stranger."""
    import pandas as pd

    import vaelab as api

    own = api.load(run)
    digits = own.view.split("test")
    told = own.score(digits.x[0], condition=digits.y)
    lied = own.score(digits.x[0], condition=(digits.y + 1) % 10)
    assert (told.elbo > lied.elbo).mean() > 0.8
    np.savez(tmp_path / "own.npz", x_train=digits.x[0], x_test=digits.x[0], y_train=digits.y, y_test=digits.y)
    command("score", f"run={run}", "score=[elbo]", f"csv={tmp_path / 's.csv'}")
    np.testing.assert_allclose(pd.read_csv(tmp_path / "s.csv").elbo, told.elbo, rtol=1e-3)
    found = own.evaluate("elbo", "on=npz", f"on.path={tmp_path / 'own.npz'}")
    assert found["npz:test/elbo"]["value"] == pytest.approx(own.metrics["value"]["test/elbo"], rel=1e-6)
    judged = own.evaluate("ood", "metrics.ood.on=[flipped]", "metrics.ood.scores=[elbo]", "metrics.ood.bootstrap=2")
    assert judged["test/ood_flipped_elbo_auroc"]["value"] > 0.5
    listed = ["on=npz", f"on.path={tmp_path / 'own.npz'}", "on.train=[x_test]", "on.test=null"]
    of = [f"run={run}", "score=[elbo]", *listed]
    command("score", *of, "on.train_labels=y_test", f"csv={tmp_path / 'n.csv'}")
    np.testing.assert_allclose(pd.read_csv(tmp_path / "n.csv").elbo, told.elbo, rtol=1e-3)
    refused = command("score", *of, "on.train_labels=null", check=False)
    assert refused.returncode == 2 and "on=npz: this run is told of each image its class" in refused.stderr
