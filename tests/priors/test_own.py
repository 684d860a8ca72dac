"""A prior of one's own, without any closed form, through model, view, metrics and pictures."""

import numpy as np
import pytest
from parts import config
from scipy import stats

from vaelab.datasets.base import DataFacts
from vaelab.errors import ConfigError

MODULE = """
import numpy as np
from keras import ops

MEANS = (-1.5, 1.5)


class TwoHills:
    '''p(z) = 1/2 N(-1.5, I) + 1/2 N(1.5, I), the same shift in every latent.'''

    def __init__(self, *, latent_dim):
        self.latent_dim = latent_dim

    def log_prob(self, z):
        each = [ops.sum(-0.5 * ops.square(z - m) - 0.9189385, axis=-1) for m in MEANS]
        return ops.logaddexp(*each) - np.log(2.0)

    def sample(self, n, rng):
        return rng.choice(MEANS, (n, 1)) + rng.standard_normal((n, self.latent_dim))
"""


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    """The node of a configuration and the words that trust it."""
    home = tmp_path_factory.mktemp("own_prior")
    (home / "hills_of_this_test.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(home))
        yield {"_target_": "hills_of_this_test.TwoHills"}


def model(prior, *words):
    from vaelab.build import build

    cfg = config("model=dense", "model.hidden_dims=[16]", "dataset.binarize=dynamic", *words)
    cfg = cfg | {"prior": prior, "trusted": ["hills_of_this_test"]}
    return build(cfg, DataFacts(((8, 8, 1),), binarize="dynamic"))


def test_the_rate_is_that_of_the_draw(prior):
    from keras import ops

    vae = model(prior)
    x = (np.random.default_rng(0).random((6, 8, 8, 1)) > 0.5).astype(np.float32)
    outputs = vae.structure((ops.convert_to_tensor(x),))
    assert tuple(outputs.rate.shape) == (6, 1)
    z, mean, std = (ops.convert_to_numpy(v).astype(np.float64) for v in (outputs.z, outputs.q.mean, outputs.q.std))
    log_q = stats.norm(mean, std).logpdf(z).sum(axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(outputs.rate)[:, 0], log_q - log_density(z), rtol=1e-3, atol=1e-4)


def log_density(z):
    return np.logaddexp(*(stats.norm(m).logpdf(z).sum(axis=-1) for m in (-1.5, 1.5))) - np.log(2)


@pytest.mark.parametrize(
    "words,sentence",
    [(["objective=capacity"], "needs the rate of each latent in closed form"), (["objective=tcvae"], "no product"),
     (["objective.free_bits=0.1"], "needs the rate of each latent"),
     (["objective=avb", "posterior=implicit"], "draws from the prior while it trains")],
    ids=["capacity", "tcvae", "free_bits", "avb"],
)  # fmt: skip
def test_what_needs_more_of_a_prior_says_so(prior, words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        model(prior, *words)


@pytest.mark.slow
def test_a_view_goes_through_it(prior):
    from vaelab.datasets.base import Dataset, Split
    from vaelab.metrics.elbo import elbo
    from vaelab.metrics.nll import nll
    from vaelab.metrics.total_correlation import total_correlation
    from vaelab.plots.manifold import manifold
    from vaelab.view.latent_view import LatentView

    rng = np.random.default_rng(0)
    x = (rng.random((40, 8, 8, 1)) > 0.5).astype(np.uint8) * 255
    split = Split(x=(x,))
    dataset = Dataset(name="noise", train=split, test=split, binarize="static")
    view = LatentView(model(prior), dataset, name="hills", seed=0, batch=20)
    z = rng.normal(size=(40, 2)).astype(np.float32)
    np.testing.assert_allclose(view.log_prior(z), log_density(z), rtol=1e-5)
    value, gradient = view.grad_log_joint(split_images(view), z)
    np.testing.assert_allclose(value, view.log_prob(split_images(view), z) + log_density(z), rtol=1e-4)
    assert gradient.shape == (40, 2)
    scores = elbo(view, split="test", n_samples=1)
    assert "one draw" in scores["rate"].note and scores["rate"].samples == 1
    estimate = nll(view, split="test", samples=200, curve=[], images=None, widen=1.0, tolerance=0.1)["nll_is200"]
    assert -estimate.value >= scores["elbo"].value
    found = total_correlation(view, split="test", images=None)
    assert set(found) == {"total_correlation"} and "no product" in found["total_correlation"].note
    drawn = view.sample_prior(20_000, rng)
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(1 + 1.5**2), rtol=0.02)
    np.testing.assert_allclose(view.prior.quantiles([0.5])[0], 0, atol=0.2)
    assert manifold(view, split="test", n=3, dims=None, scale=1.0, rectangle=None, at=None, condition=None).texts
    assert isinstance(view.schedules, dict) and view.frames() == []


def split_images(view):
    return view.split("test").images()
