"""Training curves and schedules."""

import numpy as np
import pytest
from plots.fake_view import fake_view

from vaelab.errors import ConfigError
from vaelab.plots.training_curves import training_curves


def lines(figure):
    return {ax.get_title(loc="left").split("  ")[0]: ax.lines for ax in figure.axes}


def test_each_term_has_its_panel_and_both_splits():
    view = fake_view(shape=(8, 8, 1))
    found = lines(training_curves(view, log_scale=False))
    assert list(found) == ["loss", "distortion", "rate"]
    assert np.allclose(found["rate"][0].get_ydata(), view.history["train/rate"])
    assert np.allclose(found["rate"][1].get_ydata(), view.history["val/rate"])


@pytest.mark.parametrize("epochs", [1, 2])
def test_short_runs_without_validation_and_with_gaps(epochs):
    view = fake_view(shape=(8, 8, 1))
    view.history = {
        "epoch": list(range(1, epochs + 1)), "train/loss": [5.0] * epochs, "train/critic_loss": [0.1] * epochs,
        "val/loss": [None] * epochs, "time/seconds": [1.0] * epochs,
    }  # fmt: skip
    assert list(lines(training_curves(view, log_scale=True))) == ["loss", "critic loss"]


def test_no_history():
    view = fake_view(shape=(8, 8, 1))
    view.history = {}
    with pytest.raises(ConfigError, match="history"):
        training_curves(view, log_scale=False)
