import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.metrics.nll_exact import nll_exact


@pytest.mark.parametrize("latents", [1, 3])
def test_it_is_the_density_of_the_linear_gaussian_model(linear_gaussian, latents):
    view = linear_gaussian(latents=latents)
    score = nll_exact(view, split="test", images=None)["nll_exact"]
    exact = -view.exact(view.split("test").images())
    assert score.value == pytest.approx(exact.mean(), abs=1e-4) and score.n == 40
    assert score.se == pytest.approx(exact.std(ddof=1) / np.sqrt(40), rel=1e-4)


def test_fewer_images_are_those_of_the_estimators(linear_gaussian):
    from vaelab.metrics.subset import subset

    view = linear_gaussian()
    rows, _ = subset(view, "test", 7)
    score = nll_exact(view, split="test", images=7)["nll_exact"]
    assert score.value == pytest.approx(-view.exact(view.split("test").images())[rows].mean(), abs=1e-4)
    assert "7 of 40" in score.note


def test_a_curved_decoder_has_no_exact_value(linear_gaussian):
    view = linear_gaussian()
    straight = view.grad_log_joint
    view.grad_log_joint = lambda images, z: (straight(images, z)[0], straight(images, z)[1] * (1 + 0.05 * np.sin(z)))
    with pytest.raises(ConfigError, match="linear decoder"):
        nll_exact(view, split="test", images=None)
