"""The numbers on a latent's card."""

import numpy as np
import pytest
from fake_view import spots

from vaelab.plots.latent_card import _associations, explained, jacobian


@pytest.mark.parametrize("n_views", [1, 2])
@pytest.mark.quick(1)
def test_the_map_of_a_linear_decoder_is_its_weights(n_views):
    view = spots(latent_dim=6, shape=(8, 8, 3), n_views=n_views)
    z = view.split("test").mean[:5]
    for d in range(6):
        for found, weights in zip(jacobian(view, z, d, 0.05), view.weights):
            assert np.allclose(found, np.abs(weights[d].reshape(8, 8, 3)).mean(axis=-1), atol=1e-4)


def test_correlation_ratio():
    groups = np.repeat([0, 1, 2], 50)
    noise = np.random.default_rng(0).standard_normal(150)
    z = np.column_stack([groups == 1, noise, np.ones(150)]).astype(float)
    found = explained(z, groups)
    assert found[0] == pytest.approx(1.0) and found[1] < 0.1 and found[2] == 0.0


def test_labels_are_correlated_as_numpy_says():
    view = spots(latent_dim=2, shape=(8, 8, 1))
    part = view.split("test")
    found, meaning = _associations(view, part, [1])
    assert meaning.startswith("correlation")
    expected = {
        view.class_names[k]: np.corrcoef(part.mean[:, 1], part.y == k)[0, 1] for k in range(len(view.class_names))
    }
    for name, value in found[0]:
        assert value == pytest.approx(expected[name], abs=1e-6)
    assert abs(found[0][0][1]) == pytest.approx(max(map(abs, expected.values())), abs=1e-6)


def test_factors_come_before_labels():
    factors = np.stack([np.arange(240) % 2, np.arange(240) % 3], axis=1)
    view = spots(latent_dim=2, shape=(8, 8, 1), factors=factors, factor_names=("shape", "size"))
    found, meaning = _associations(view, view.split("test"), [0])
    assert "factor" in meaning and {name for name, _ in found[0]} == {"shape", "size"}
