"""Images by themselves through real models: closed form, a flow, an implicit posterior."""

import numpy as np
import pytest
from parts import make_vae

from vaelab.datasets.base import Dataset, Split
from vaelab.errors import NotApplicable
from vaelab.scores.measure import by_name
from vaelab.view.latent_view import LatentView


def view_of(*words):
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    split = Split((x,))
    return LatentView(make_vae("model=dense", *words), Dataset("noise", split, split), name="noise", seed=0)


@pytest.mark.parametrize(
    "words", [(), ("posterior=realnvp",), ("posterior=implicit", "objective=avb")], ids=["gaussian", "flow", "implicit"]
)
def test_an_image_is_seen_alike_beside_others_and_alone(words):
    view = view_of(*words)
    x = view.split("test").x[0]
    together, alone = view.see((x,)), view.see((x[7:8],))
    for value in (
        lambda s: s.mean,
        lambda s: s.std,
        lambda s: s.distortion(3),
        lambda s: s.rate(3),
        lambda s: s.log_p(3),
    ):
        if words and "implicit" in words[0] and value(together) is None:
            assert value(alone) is None and not view.has_density
            break  # without a density there is neither a rate nor a likelihood
        np.testing.assert_allclose(value(together)[7], value(alone)[0], rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(together.least_distortion()[7], alone.least_distortion()[0], rtol=1e-5)


def test_a_likelihood_without_a_least_distortion_says_so():
    view = view_of("likelihood=gaussian")
    assert view.least_distortion(view.split("test").x) is None
    with pytest.raises(NotApplicable, match="does not tell"):
        by_name(["excess_distortion"], view, "scores")


def test_the_elbo_is_that_of_the_split():
    view = view_of()
    part = view.split("test")
    seen = view.see(part.x)
    np.testing.assert_allclose(seen.rate(1), part.rate, rtol=1e-4)
    np.testing.assert_allclose(seen.mean, part.mean, rtol=1e-4, atol=1e-5)
    assert seen.distortion(200).mean() == pytest.approx(part.distortion.mean(), rel=0.05)
    assert seen.log_p(200).mean() > seen.elbo(200).mean()  # of each image the rate is exact, the draws are not
