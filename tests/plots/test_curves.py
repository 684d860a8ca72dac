"""Training curves and schedules."""

import numpy as np
import pytest
from fake_view import spots

from vaelab.errors import ConfigError
from vaelab.plots.schedule import schedule
from vaelab.plots.training_curves import training_curves


def lines(figure):
    return {ax.get_title(loc="left").split("  ")[0]: ax.lines for ax in figure.axes}


def test_each_term_has_its_panel_and_both_splits():
    view = spots(shape=(8, 8, 1))
    found = lines(training_curves(view, log_scale=False))
    assert list(found) == ["loss", "distortion", "rate"]
    assert np.allclose(found["rate"][0].get_ydata(), view.history["train/rate"])
    assert np.allclose(found["rate"][1].get_ydata(), view.history["val/rate"])


@pytest.mark.parametrize("epochs", [1, 2])
def test_short_runs_without_validation_and_with_gaps(epochs):
    view = spots(shape=(8, 8, 1))
    view.history = {
        "epoch": list(range(1, epochs + 1)), "train/loss": [5.0] * epochs, "train/critic_loss": [0.1] * epochs,
        "val/loss": [None] * epochs, "time/seconds": [1.0] * epochs,
    }  # fmt: skip
    assert list(lines(training_curves(view, log_scale=True))) == ["loss", "critic loss"]


def test_a_term_that_held_out_images_do_not_have_gets_no_curve_of_theirs():
    """M2's cross-entropy where the labels of the validation images are hidden; a term that is 0 on both sides stays."""
    view = spots(shape=(8, 8, 1))
    view.history |= {"train/cross_entropy": [0.5] * 20, "val/cross_entropy": [0.0] * 20}
    view.history |= {"train/rate_class": [0.0] * 20, "val/rate_class": [0.0] * 20}
    assert len(view.history["epoch"]) == 20
    found = lines(training_curves(view, log_scale=False))
    of_terms = {name: [line for line in found[name] if len(line.get_xdata()) == 20] for name in found}
    assert len(of_terms["cross entropy"]) == 1 and len(of_terms["rate class"]) == 2


def test_no_history():
    view = spots(shape=(8, 8, 1))
    view.history = {}
    with pytest.raises(ConfigError, match="history"):
        training_curves(view, log_scale=False)


@pytest.mark.parametrize("kept", [17, None])
def test_the_epoch_whose_weights_are_kept_is_marked(kept):
    """A line in every panel and its name; the numbers beside the panels are of that epoch, else of the last."""
    view = spots(shape=(8, 8, 1))
    view.weights_epoch = kept
    figure = training_curves(view, log_scale=False)
    for ax in figure.axes:
        marks = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
        assert marks == ([] if kept is None else [kept])
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert named == ["training", "validation", *([] if kept is None else [f"weights kept: epoch {kept}"])]
    value = view.history["val/distortion"][(kept or 20) - 1]
    assert f"val {value:.4g}" in figure.axes[1].get_title(loc="right")


def test_a_schedule_that_does_not_move_says_constant():
    epochs = np.arange(5)
    curves = {"beta": np.linspace(0, 1, 5), "learning_rate": np.full(5, 1e-3), "capacity": np.zeros(5)}
    figure = schedule(spots(shape=(8, 8, 1), schedules={name: (epochs, values) for name, values in curves.items()}))
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [[], ["constant: 0.001"], ["constant: 0"]]
