"""Views of codes given by hand and of a linear-Gaussian model, as fixtures."""

import pytest
from fake_view import Codes, LinearGaussian


@pytest.fixture
def code_view():
    """Builds a view of the same codes for training and test: code_view(mean, std, y=..., factors=...)."""

    def build(mean, std=0.1, *, closed_form=True, parts=None, factor_names=None, seed=0, **more):
        factors = more.get("factors")
        names = factor_names or (() if factors is None else [f"factor_{f}" for f in range(factors.shape[1])])
        splits = dict.fromkeys(("train", "test"), (mean, std, more))
        return Codes(splits, closed_form=closed_form, parts=parts, factor_names=names, seed=seed)

    return build


@pytest.fixture
def linear_gaussian():
    """Builds a `LinearGaussian`."""
    return LinearGaussian
