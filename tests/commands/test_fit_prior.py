"""A prior fitted afterwards: nearer to the codes than N(0, I), and the run's own numbers as they were."""

import json

import numpy as np
import pytest
from fake_view import Codes
from omegaconf import OmegaConf
from scipy.special import logsumexp

from vaelab.commands import fit_prior
from vaelab.errors import ConfigError
from vaelab.metrics.collapse import collapse

SETTINGS = OmegaConf.create({"epochs": 8, "batch_size": 100, "learning_rate": 0.01, "seed": 0})
MIXTURE = {"_target_": "vaelab.priors.mixture.Mixture", "components": 2, "spread": 1.0}
FLOW = {
    "_target_": "vaelab.priors.realnvp.RealNVP", "couplings": 4, "hidden_dims": [16], "activation": "relu",
    "bound": 2.0,
}  # fmt: skip


def two_hills(prior=None):
    """Codes about (-3, 1) and (3, 1), q(z|x) of deviation 0.2."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(2000, 2)) * 0.3 + np.where(np.arange(2000)[:, None] % 2, [3, 1], [-3, 1])
    return Codes({"train": (mean, 0.2, {}), "test": (mean, 0.2, {})}, prior=prior)


def cross_entropy(log_density, z):
    return -np.mean(log_density(z))


@pytest.mark.parametrize(
    "node,epochs,most",
    [(MIXTURE, 8, 0.02), pytest.param(FLOW, 60, 0.4, marks=pytest.mark.slow)],
    ids=["mixture", "realnvp"],
)
def test_it_comes_near_to_the_codes_and_lowers_the_mismatch(node, epochs, most):
    view = two_hills()
    prior = fit_prior.fitted(node, view, OmegaConf.merge(SETTINGS, {"epochs": epochs}), trusted=())
    after = two_hills(prior)
    z = view.split("test").sample_posterior(1, np.random.default_rng(9))[0]
    hills = np.stack([np.sum((z - m) ** 2, axis=1) for m in ([3, 1], [-3, 1])]) / (-2 * 0.13)
    truth = cross_entropy(lambda _: logsumexp(hills, axis=0) - np.log(2 * 2 * np.pi * 0.13), z)
    assert truth - 0.05 < cross_entropy(after.log_prior, z) < truth + most
    settings = {"split": "test", "threshold": 0.01, "min_rate": 0.1, "max_mismatch": 1.0, "images": 500}
    mismatch = [collapse(v, **settings)["prior_mismatch"].value for v in (view, after)]
    assert mismatch[1] < 0.8 < mismatch[0]
    drawn = after.sample_prior(4000, np.random.default_rng(0))
    assert np.mean(np.abs(drawn[:, 0]) > 1.5) > 0.85 and abs(np.mean(drawn[:, 0] > 0) - 0.5) < 0.1


@pytest.mark.parametrize(
    "node,sentence",
    [
        ({"_target_": "vaelab.priors.standard.Standard"}, "prior=standard is fixed"),
        ({"_target_": "vaelab.priors.vamp.Vamp", "pseudo_inputs": 5, "start_from": "noise", "start_mean": 0.0,
          "start_std": 0.1}, "prior=vamp is made of images"),
        ({**MIXTURE, "components": 3000}, "more than the 2,000 codes"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted(node, sentence):
    with pytest.raises(ConfigError, match=sentence):
        fit_prior.fitted(node, two_hills(), SETTINGS, trusted=())


@pytest.mark.slow
def test_the_run_keeps_its_numbers(own_run, command):
    cwd, run = own_run
    before = {p.name: p.read_bytes() for p in (run / "metrics.json", run / "codes.npz", run / "decoder.h5")}
    words = ["prior.components=5", "epochs=3", "metrics.nll.samples=20", "metrics.nll.images=50"]
    done = command("fit-prior", f"run={run}", *words, cwd=cwd)
    assert "before: N(0, I)" in done.stdout and "after: mixture of 5 Gaussians" in done.stdout
    assert {name: (run / name).read_bytes() for name in before} == before
    kept = run / "fitted_priors/mixture"
    scores = json.loads((kept / "metrics.json").read_text())
    assert set(scores) == {"before", "after"} and "test/nll_is20" in scores["after"]
    assert scores["after"]["test/prior_mismatch"]["value"] < scores["before"]["test/prior_mismatch"]["value"]
    with np.load(kept / "prior.npz") as arrays:
        assert arrays["mean"].shape == (5, 2)
    assert (run / "figures/samples_mixture_after.png").is_file()
